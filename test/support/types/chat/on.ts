export { send as 'message.send' } from './send.ts'
export { typing } from './typing.ts'
