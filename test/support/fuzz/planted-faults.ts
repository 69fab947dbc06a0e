/** A fault that `npm run fuzz:faults` plants into a copy of the compiled code, to show that the fuzzer finds it. */
export interface PlantedFault {
  readonly name: string
  /** Below `dist/`. */
  readonly file: string
  /** Occurs once in the file. White space matches any white space. */
  readonly find: string
  readonly replace: string
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
    file: 'lib/server/session/memberships.js',
    find: 'this.#rooms.deleteMember(channel, this.#connection);',
    replace: 'setTimeout(() => this.#rooms.deleteMember(channel, this.#connection), 5);'
  },
  {
    name: 'presence is not withdrawn',
    file: 'lib/server/session/memberships.js',
    find: 'this.#rooms.exitPresence(channel, { id }, graceMs);',
    replace: ';'
  },
  {
    name: 'a room is never closed',
    file: 'lib/server/session/memberships.js',
    find: 'this.#rooms.releaseRoom(channel);',
    replace: ';'
  },
  {
    name: 'an idempotent message has its effect again',
    file: 'lib/server/idempotent-messages.js',
    find: "if (claimed.outcome === 'done') return JSON.parse(claimed.reply);",
    replace: "if (claimed.outcome === 'done') return attempt();"
  },
  {
    name: 'a join under way does not ask authorize again',
    file: 'lib/server/session/memberships.js',
    find: 'this.#reauthorizations++;',
    replace: ';'
  },
  {
    name: 'reauthorize takes nobody out',
    file: 'lib/server/session/memberships.js',
    find: 'if (!isAllowed && isMember)',
    replace: 'if (false)'
  },
  {
    name: 'one entry in seven is not delivered',
    file: 'lib/history/history-follower.js',
    find: 'this.#events.deliver(cache.append(entry, snapshot)); return true;',
    replace: 'const own = cache.append(entry, snapshot); if (entry.offset % 7) this.#events.deliver(own); return true;'
  },
  {
    name: 'one entry in seven is delivered twice',
    file: 'lib/history/history-follower.js',
    find: 'this.#events.deliver(cache.append(entry, snapshot)); return true;',
    replace: 'const own = cache.append(entry, snapshot); this.#events.deliver(own); ' +
      'if (entry.offset % 7 === 0) this.#events.deliver(own); return true;'
  },
  {
    name: 'a closed connection stays in the registry',
    file: 'lib/server/live-connections.js',
    find: 'this.registry.delete(connection); if',
    replace: 'if'
  },
  {
    name: 'remove takes nobody out',
    file: 'lib/server/services/local-node-requests.js',
    find: 'session.remove(channel, code)',
    replace: 'session.connection.isOpen'
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
    find: 'messages: missed.map(',
    replace: 'messages: missed.slice(1).map('
  },
  {
    name: 'one delivery in ten is lost',
    file: 'lib/rooms/room.js',
    find: 'deliver: (entry) => this.deliverEntry(entry),',
    replace: 'deliver: (entry) => { if (Math.random() > 0.1) this.deliverEntry(entry) },'
  }
]
