import type { SampleMessage } from '../../../lib/api-page/trial/snippets.ts'

/** What a page has in its form when its user copies a line. */
export const sample: SampleMessage = {
  url: 'ws://localhost:3000/ws',
  carrier: 'none',
  pattern: 'room/:id',
  params: { id: '1' },
  address: 'room/1',
  hasHistory: true,
  type: 'say',
  payload: 'hi',
  hasReply: true
}
