/** A fault that `npm run fuzz:faults` plants into a copy of the compiled code, to show that the fuzzer finds it. */
export interface PlantedFault {
  readonly name: string
  /** The fuzzer that has to find it. Default: `memory`. */
  readonly fuzzer?: 'redis' | 'envelopes' | 'tenants'
  /** Below `dist/`. */
  readonly file: string
  /** Occurs once in the file. White space matches any white space. */
  readonly find: string
  readonly replace: string
}

export function patternOf ({ find }: PlantedFault): RegExp {
  const parts = find.split(' ').map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(parts.join('\\s+'), 'g')
}

/** Whether the fault has one place in the code. */
export function fits (fault: PlantedFault, code: string): boolean {
  return code.match(patternOf(fault))?.length === 1
}

export const plantedFaults: readonly PlantedFault[] = [
  {
    name: 'a second ack',
    file: 'lib/server/session/replies.js',
    find: 'if (this.#claim(message) && correlationId !== undefined) this.#connection.send(encoded);',
    replace: 'if (this.#claim(message)) for (const _ of [0, 1]) this.#connection.send(encoded);'
  },
  {
    name: 'no reply when a handler fails',
    file: 'lib/server/session/replies.js',
    find: 'if (this.#claim(message)) this.#connection.send(reply.encoded);',
    replace: 'this.#claim(message);'
  },
  {
    name: 'a member who left still gets messages',
    file: 'lib/server/memberships/memberships.js',
    find: 'this.#rooms.deleteMember(channel, this.#connection);',
    replace: 'setTimeout(() => this.#rooms.deleteMember(channel, this.#connection), 5);'
  },
  {
    name: 'presence is not withdrawn',
    file: 'lib/server/memberships/memberships.js',
    find: 'this.#rooms.exitPresence(channel, { id }, graceMs);',
    replace: ';'
  },
  {
    name: 'a room is never closed',
    file: 'lib/server/memberships/memberships.js',
    find: 'this.#rooms.releaseRoom(channel);',
    replace: ';'
  },
  {
    name: 'an idempotent message has its effect again',
    file: 'lib/server/messages/idempotent-messages.js',
    find: "if (claimed.outcome === 'done') return JSON.parse(claimed.reply);",
    replace: "if (claimed.outcome === 'done') return attempt();"
  },
  {
    name: 'a join under way does not ask authorize again',
    file: 'lib/server/memberships/memberships.js',
    find: 'this.#reauthorizations++;',
    replace: ';'
  },
  {
    name: 'reauthorize takes nobody out',
    file: 'lib/server/memberships/memberships.js',
    find: 'if (!isAllowed && isMember)',
    replace: 'if (false)'
  },
  {
    name: 'one entry in seven is not delivered',
    file: 'lib/history/history-follower.js',
    find: 'next.push(cache.append(entry, snapshot));',
    replace: 'const own = cache.append(entry, snapshot); if (entry.offset % 7) next.push(own);'
  },
  {
    name: 'one entry in seven is delivered twice',
    file: 'lib/history/history-follower.js',
    find: 'next.push(cache.append(entry, snapshot));',
    replace: 'const own = cache.append(entry, snapshot); next.push(...entry.offset % 7 ? [own] : [own, own]);'
  },
  {
    name: 'a closed connection stays in the registry',
    file: 'lib/server/connections/live-connections.js',
    find: 'this.registry.delete(connection); if',
    replace: 'if'
  },
  {
    name: 'remove takes nobody out',
    file: 'lib/server/services/local-node-requests.js',
    find: 'this.#sessions(target).filter((session) => session.remove(channel, code))',
    replace: 'this.#sessions(target).filter((session) => session.connection.isOpen)'
  },
  {
    name: 'a joining user gets a message about its own join',
    file: 'lib/rooms/presence/list-announcements.js',
    find: 'if (first.hasOwn && !isListed) this.#keepOwnEntry(member, entry);',
    replace: ';'
  },
  {
    name: 'a recovery lacks its first message',
    file: 'lib/history/history-cache.js',
    find: 'const messages = this.#messages.slice(first);',
    replace: 'const messages = this.#messages.slice(first + 1);'
  },
  {
    name: 'one delivery in ten is lost',
    file: 'lib/rooms/room.js',
    find: 'deliver: (entries) => this.deliverEntries(entries),',
    replace: 'deliver: (entries) => this.deliverEntries(entries.filter(() => Math.random() > 0.1)),'
  },
  {
    name: 'one ephemeral message in ten is lost',
    file: 'lib/rooms/rooms.js',
    find: 'this.#deliver(channel, encoded, whenSlow, except);',
    replace: 'if (Math.random() > 0.1) this.#deliver(channel, encoded, whenSlow, except);'
  },
  {
    name: 'a lost connection has no grace period',
    file: 'lib/server/session/active-session.js',
    find: 'isDone ? 0 : this.#deps.options.presenceGrace',
    replace: '0'
  },
  {
    name: 'a grace period does not end after an exit without one',
    file: 'lib/memory/memory-hub.js',
    find: 'const { user, due } = exited;',
    replace: 'const { user } = exited; const due = now + graceMs;'
  },
  {
    name: 'the quota of a closed connection is not released',
    file: 'plugins/upgrade/admission.js',
    find: 'held.add(new AcquiredQuota(quota, userId, connectionId, answer));',
    replace: ';'
  },
  {
    name: 'each node counts the connections of a user alone',
    file: 'lib/memory/memory-quota.js',
    find: 'quotas.count(userId) >= limit',
    replace: 'false'
  },
  {
    name: 'the id of a message counts for all users',
    file: 'lib/server/messages/idempotent-messages.js',
    find: 'return digest([userId ?? null, channel, correlationId]);',
    replace: 'return digest([channel, correlationId]);'
  },
  {
    name: 'the presence of an empty channel stays in Redis',
    fuzzer: 'redis',
    file: 'lib/redis/presence/presence-state-lua.js',
    find: "if redis.call('HLEN', refs) == 0 then",
    replace: 'if false then'
  },
  {
    name: 'a node takes care of a channel without presence for ever',
    fuzzer: 'redis',
    file: 'lib/redis/presence/presence-index.js',
    find: "await this.#write(this.#lease.incarnation, channel, '-');",
    replace: ';'
  },
  {
    name: 'the reply of an idempotent message stays in Redis for ever',
    fuzzer: 'redis',
    file: 'lib/redis/idempotency/finish-script.js',
    find: "redis.call('PEXPIRE', KEYS[1], ARGV[4])",
    replace: "redis.call('PERSIST', KEYS[1])"
  },
  {
    name: 'names that look alike share their keys',
    fuzzer: 'redis',
    file: 'lib/redis/keys.js',
    find: 'name.replace(',
    replace: "name.normalize('NFKC').replace("
  },
  {
    name: 'the percent sign of a name is not told from its own code',
    fuzzer: 'redis',
    file: 'lib/redis/keys.js',
    find: '/[{}%]/g',
    replace: '/[{}]/g'
  },
  {
    name: "the client's keyPrefix is ignored",
    fuzzer: 'tenants',
    file: 'lib/redis/client-settings.js',
    find: "return String(options.keyPrefix ?? '');",
    replace: "return '';"
  },
  {
    name: 'node requests reach the nodes of other prefixes',
    fuzzer: 'tenants',
    file: 'lib/redis/keys.js',
    find: '{this.#prefix}:{',
    replace: "{kind === 'n' ? 'nodes' : this.#prefix}:{"
  },
  {
    name: 'undeclared members are accepted',
    fuzzer: 'envelopes',
    file: 'lib/contract/schema/close-schema.js',
    find: '...(isOpen && { additionalProperties: false })',
    replace: ''
  },
  {
    name: 'the name of a member may hold half of a surrogate pair',
    fuzzer: 'envelopes',
    file: 'lib/protocol/envelope.js',
    find: 'if (!isWellFormed(name) ||',
    replace: 'if ('
  },
  {
    name: 'the key __proto__ is accepted',
    fuzzer: 'envelopes',
    file: 'lib/protocol/read-envelope.js',
    find: 'value = isHarmless(text) ? JSON.parse(text) : parse(text);',
    replace: "value = JSON.parse(text.replace('\\ufeff', ''));"
  },
  {
    name: 'one level of nesting too many is accepted',
    fuzzer: 'envelopes',
    file: 'lib/protocol/read-envelope.js',
    find: 'if (depth > maxDepth)',
    replace: 'if (depth > maxDepth + 1)'
  },
  {
    name: 'null is not the absence of a member',
    fuzzer: 'envelopes',
    file: 'lib/protocol/read-envelope.js',
    find: 'channel: channel ?? undefined, correlationId: correlationId ?? undefined',
    replace: 'channel, correlationId'
  },
  {
    name: 'offsets are text',
    file: 'lib/protocol/encoding.js',
    find: 'JSON.stringify({ offset, id, hash, prev })',
    replace: 'JSON.stringify({ offset: String(offset), id, hash, prev })'
  }
]
