import type { ClientFeature } from '../feature.ts'
import { RequestError } from '../request-error.ts'

/** What a client does that cannot ask why it was refused, and cannot move to another node without a gap. */
export const basicSteps: ClientFeature = ({ requests }) => {
  const { outgoing, steps } = requests
  steps.failure = (message, failure) => new RequestError(message, failure)
  steps.encode = JSON.stringify
  steps.connectionFor = (_, open) => open
  steps.explain = (_, close, cause) => {
    requests.report({ reason: close.reason || 'the server is absent or refuses this client', close, cause })
  }
  // Replies are awaited. The server closes the connection 10 s after it asked.
  steps.move = () => {
    if (outgoing.size > 0) requests.moveAfter(1_000)
    else requests.leave('the server asks for it')
  }
}
