/**
 * The main flow of docs/protocol.md, as every client program in test/clients/programs speaks it. A program prints
 * `ok <step>` after each step, in this order, and ends with code 0. It gets `CHANNELS_URL`, the name of a room that
 * nobody else uses in `CHANNELS_ROOM`, and the tokens `ANN`, `ANN_AGAIN`, `BOB` and `CAROL`.
 */
export const steps: ReadonlyArray<readonly [step: string, meaning: string]> = [
  ['refused', 'an upgrade without a token is answered 401'],
  ['connected', 'the token travels as a subprotocol, and fastify-channels.v1 is selected'],
  ['ping', '`ping` gets an ack without a payload'],
  ['joined', 'the ack of a join has the presence list, the position of an empty history, and the reason fresh'],
  ['presence', 'ann is told that bob joined; his ack lists both'],
  ['sent', 'a message with characters of two and four bytes reaches both with offset 1; the ack has its id'],
  ['repeated', 'the same message under the same correlation id gets the same reply'],
  ['conflict', 'another payload under that correlation id is refused'],
  ['typing', 'an ephemeral message reaches bob without an offset'],
  ['errors', 'every error that a client can cause has its code, its channel and its details'],
  ['large', 'a text of 60,000 characters travels both ways, as offset 2'],
  ['pong', 'a ping frame of the server is answered'],
  ['refreshed', 'a newer token of the same user is taken, the token of another user is refused'],
  ['left', 'after the ack of a leave bob is told that ann left'],
  ['recovered', 'after a lost connection a join with `since` gets the two messages that were missed'],
  ['unrecoverable', 'a join with a position of another epoch gets the content of the history, and the reason'],
  ['removed', '`left` arrives when the server ends a membership'],
  ['binary', 'a binary frame is answered by 1003'],
  ['garbage', 'a text that is not JSON is answered by 1008'],
  ['too-large', 'a message over 64 KiB is answered by 1009'],
  ['revoked', 'a revoked token is answered by 3000'],
  ['disconnected', 'a client that the server disconnects sees 3003'],
  ['closed', 'a close by the client is answered by 1000']
]
