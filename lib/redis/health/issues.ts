/** What is wrong with Redis. `text` is for an operator: what it is, its proof, and what to do. */
export interface Issue {
  /** One word. Issues of one kind have one cause. */
  readonly kind: string
  readonly text: string
}

export const issues = {
  connecting: { kind: 'connecting', text: 'not connected to Redis yet: check its address and the network' },
  closed: { kind: 'closed', text: 'Redis closed the connection: check its log and the network' },
  silent: {
    kind: 'silent', text: 'a probe did not come back, messages do not pass Redis: check its load and the network'
  }
} as const satisfies Readonly<Record<string, Issue>>

type Rule = readonly [kind: string, proof: RegExp, problem: string, remedy: string]

/** Redis cannot serve this node now, or not at this address. Scripts see these replies too. */
const stateRules: readonly Rule[] = [
  ['password', /WRONGPASS|NOAUTH|invalid password|unauthenticated/, 'Redis refuses the password',
    'correct the user and the password'],
  ['replica', /READONLY/, 'the address leads to a read-only replica of Redis', 'point it at the master'],
  ['masterdown', /MASTERDOWN/, 'the address leads to a replica of Redis that has lost its master',
    'point it at the master, and check whether that one runs'],
  ['loading', /LOADING/, 'Redis is loading its data', 'wait until it has finished'],
  ['clusterdown', /CLUSTERDOWN/, 'the Redis Cluster is down', 'check that a master serves every slot'],
  ['memory', /\bOOM\b/, 'Redis is out of memory', 'raise its maxmemory, or remove data'],
  ['misconf', /MISCONF/, 'Redis refuses to write because it cannot save to its disk', 'check its disk and its log'],
  ['replicas', /NOREPLICAS/, 'Redis refuses to write because it has too few replicas',
    'check its replicas and min-replicas-to-write'],
  ['busy', /\bBUSY\b/, 'a script of another client blocks Redis', 'end it with SCRIPT KILL'],
  ['moved', /^MOVED/, 'this Redis is a Cluster', "pass a client of the class Cluster of ioredis as 'redis.client'"]
]

/** The rules for other errors, of connections and their first commands. */
const rules: readonly Rule[] = [
  ...stateRules,
  ['no cluster', /cluster support disabled/, 'this Redis is no Cluster', "pass its URL as 'redis.url'"],
  ['rights', /NOPERM [^\n]*/, 'the Redis user lacks rights', 'grant them, see the documentation on scaling'],
  ['database', /DB index is out of range|SELECT is not allowed[^\n]*/, 'Redis refuses the number of the database',
    'correct it in the URL or the client'],
  ['clients', /max number of clients reached/, 'Redis accepts no more clients', 'raise its maxclients'],
  ['protected', /DENIED/, 'Redis is in protected mode', 'set a password, or protected-mode no'],
  ['certificate',
    /\b(\w*SELF_SIGNED\w*|UNABLE_TO_\w+|CERT_\w+|ERR_TLS_CERT\w+|\w*ISSUER\w*|HOSTNAME_MISMATCH|INVALID_(CA|PURPOSE))\b/,
    'the TLS certificate of Redis is not trusted',
    "pass its authority as 'tls.ca' of a client, or in NODE_EXTRA_CA_CERTS"],
  ['tls', /\b(EPROTO|ERR_SSL\w*|ERR_TLS\w*)\b/, 'the TLS handshake with Redis failed',
    'check that its port speaks TLS and what certificate it demands'],
  ['refused', /ECONNREFUSED( [\w.:]+)?/, 'Redis refuses connections', 'start it, or correct its host and port'],
  ['host', /(ENOTFOUND|EAI_AGAIN)( [\w.-]+)?/, 'the host name of Redis is not known', 'correct it, or check the DNS'],
  ['network', /(EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN)( [\w.:]+)?/, 'the network does not lead to Redis',
    'check the address and the network'],
  ['sentinel', /failed to connect to sentinel \S+/, 'no Sentinel answers', 'check their addresses and their logs'],
  ['timeout', /ETIMEDOUT|Command timed out|Socket timeout/, 'Redis does not answer in time',
    'check its load, the network, and whether its port speaks TLS'],
  ['reset', /ECONNRESET|EPIPE|ECONNABORTED/, 'Redis closed the connection',
    "check its log, its maxclients, the network, and whether its port speaks TLS ('rediss://')"],
  ['file', /(ENOENT|EACCES)( [\w./-]+)?/, 'the socket file of Redis cannot be opened', 'correct its path'],
  ['protocol', /Unknown RESP type|Protocol error/, 'what answers at this address is not Redis',
    'correct the host and the port'],
  ['command', /unknown command ['`]\w+['`]/i, 'Redis lacks a command', 'use version 7 or newer, with all commands'],
  ['sentinel name', /invalid reply: null/, 'no Sentinel knows the name of the master', "correct the client's 'name'"]
]

/** These say that there is no connection, but not why. */
const consequences = /^(Connection is closed|Stream isn't writeable|Cluster isn't ready|Cluster is dis|None of startup)/
const aggregate = /^Failed to refresh slots cache|^All sentinels are unreachable|Connection is closed\.$/

/** The state of Redis that an error reply tells; undefined for all others. */
export function stateOf (error: unknown): Issue | undefined {
  return applied(stateRules, textOf(error))
}

/** What an error of a connection means; undefined when it says nothing about the cause. */
export function causeOf (error: unknown): Issue | undefined {
  const text = textOf(error)
  const known = applied(rules, text)
  if (known || consequences.test(text) || aggregate.test(text)) return known
  // Redis repeats the arguments of an unknown command, and a password is one.
  const [proof] = text.split(/, with args|\n/) as [string]
  return { kind: 'other', text: `Redis cannot be used (${proof}): check its log` }
}

function applied (all: readonly Rule[], text: string): Issue | undefined {
  for (const [kind, pattern, problem, remedy] of all) {
    const [proof] = pattern.exec(text) ?? []
    if (proof !== undefined) return { kind, text: `${problem} (${proof}): ${remedy}` }
  }
  return undefined
}

/** An attempt at several addresses of a host name has one error for each. */
function textOf (error: unknown): string {
  const { message = '', code = '', errors = [] } = error as NodeJS.ErrnoException & { errors?: readonly unknown[] }
  return [...errors.map(textOf), `${message} ${code}`.trim()].join(' ').trim()
}
