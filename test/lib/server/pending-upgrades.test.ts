import t from 'tap'
import { closeEvents } from '../../../lib/protocol/close-events.ts'
import { PendingUpgrades } from '../../../lib/server/connections/pending-upgrades.ts'

const { disconnected, restart } = closeEvents

t.test('pending upgrades: a disconnect reaches those that began before it, also when identified later', async (t) => {
  const upgrades = new PendingUpgrades()
  const [first, second] = [upgrades.begin(), upgrades.begin()]
  upgrades.identify(first, 'ann')
  t.equal(upgrades.disconnect('ann', disconnected), 1, 'counted are those that are identified')
  const third = upgrades.begin()
  for (const upgrade of [second, third]) upgrades.identify(upgrade, 'ann')
  t.equal(upgrades.end(third), undefined, 'it began later')
  t.equal(upgrades.disconnect('ann', restart), 2)
  t.equal(upgrades.end(first), restart, 'the last event')
  t.equal(upgrades.end(second), restart)
  t.equal(upgrades.end(second), undefined, 'a second end changes nothing')
  upgrades.identify(second, 'ann')
  t.equal(upgrades.size, 0)
})

t.test('pending upgrades: what is kept for them is forgotten with the oldest one', async (t) => {
  const upgrades = new PendingUpgrades()
  t.equal(upgrades.disconnect('ann', disconnected), 0)
  t.equal(upgrades.size, 0, 'nothing is kept while no upgrade is under way')
  const oldest = upgrades.begin()
  for (let i = 0; i < 100; i++) upgrades.disconnect(`user ${i}`, disconnected)
  const newest = upgrades.begin()
  upgrades.disconnect('ann', disconnected)
  t.equal(upgrades.size, 103)
  upgrades.identify(oldest, undefined)
  t.equal(upgrades.end(oldest), undefined)
  t.equal(upgrades.size, 2)
  upgrades.identify(newest, 'ann')
  t.equal(upgrades.end(newest), disconnected)
  t.equal(upgrades.size, 0)
})
