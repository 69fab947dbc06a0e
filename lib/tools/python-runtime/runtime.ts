import { channel } from './channel.ts'
import { client } from './client.ts'
import { connection } from './connection.ts'
import { errors } from './errors.ts'
import { imports } from './imports.ts'
import { membership } from './membership.ts'
import { messaging } from './messaging.ts'
import { reconnect } from './reconnect.ts'
import { values } from './values.ts'

/** The part of a Python client that is the same for every contract. */
export const runtime = [
  imports, errors, values, connection, messaging, `${channel}\n${membership}`, `${client}\n${reconnect}`
].join('\n\n')

/** Docstrings, strings and comments: there a word is no name. */
const texts = /"""[\s\S]*?"""|"[^"\n]*"|#.*/g

/** Every name of a class that the runtime has, imports or uses, and that no class of a contract may have. */
export const runtimeNames: ReadonlySet<string> = new Set(runtime.replace(texts, '').match(/\b[A-Z]\w*/g))
