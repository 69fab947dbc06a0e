import { Window } from 'happy-dom'

// React looks for a document when its modules are loaded, so this file is imported before them.
const window = new Window()
const { document, navigator } = window
Object.assign(globalThis, { window, document, IS_REACT_ACT_ENVIRONMENT: true })
// Node.js has a navigator of its own since version 21.
if (!('navigator' in globalThis)) Object.assign(globalThis, { navigator })
