import type { PageContracts } from '../contracts/page-contracts.ts'
import { startPage } from './start-page.ts'

// The script of the page. The server says where the contracts are.
const { contracts } = document.body.dataset
const module = await import(new URL(contracts as string, location.href).href) as PageContracts
startPage(module)
