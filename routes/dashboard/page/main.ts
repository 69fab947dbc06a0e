import { find } from '../../page/dom.ts'
import { BoardView } from './board-view.ts'
import { showConnection } from './connection-view.ts'
import { follow, openClient } from './connect.ts'
import { caughtUpLine, Follower } from './follower.ts'
import { Line } from './line.ts'

const line = new Line(WebSocket)
const client = openClient(line)
const follower = new Follower()
const view = new BoardView()
const news = find(document, '#news', HTMLElement)

showConnection(client, line)
await follow(client, follower, () => {
  view.show(follower.board, follower.keeper)
  const { caughtUp } = follower
  if (caughtUp) news.textContent = caughtUpLine(caughtUp)
})
