import type { Client } from './client.ts'

/**
 * A part of the client that an application may leave out. It is called once with each new client, before that connects:
 * it listens to what happens inside the client (`client.requests.events`), and replaces steps of it
 * (`client.requests.steps`).
 */
export type ClientFeature = (client: Client) => void
