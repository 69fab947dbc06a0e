import { ChannelsError } from '../protocol/errors.ts'
import type { AsyncApiDocument } from './asyncapi-document.ts'

/** What is used of the package `yaml`, which the application installs when it wants YAML. */
interface Yaml {
  readonly stringify: (value: unknown, options: object) => string
  readonly parse: (text: string) => unknown
}

/** @throws {ChannelsError} `FST_CHANNELS_NO_YAML` when the package `yaml` cannot be loaded. */
export async function yamlOf (document: AsyncApiDocument, load?: () => Promise<Yaml>): Promise<string> {
  const { stringify } = await loadYaml(load)
  // Without anchors, because not every tool reads them.
  return stringify(document, { aliasDuplicateObjects: false })
}

/** @throws {ChannelsError} `FST_CHANNELS_NO_YAML` when the package `yaml` cannot be loaded. */
export async function parseYaml (text: string): Promise<unknown> {
  const { parse } = await loadYaml()
  return parse(text)
}

function loadYaml (load: () => Promise<Yaml> = () => import('yaml')): Promise<Yaml> {
  return load().catch(() => { throw new NoYaml() })
}

/** The package `yaml` is not there. */
class NoYaml extends ChannelsError {
  constructor () {
    super('FST_CHANNELS_NO_YAML', "the package 'yaml' is not installed for an AsyncAPI document in YAML: " +
      'install it with npm install yaml, or use JSON', 501)
  }
}
