import { ChannelsError } from '../protocol/errors.ts'
import type { AsyncApiDocument } from './asyncapi-document.ts'

/** What is used of the package `yaml`. */
type Load = () => Promise<{ readonly stringify: (value: unknown, options: object) => string }>

/**
 * A document as YAML, by the package `yaml`, which the application installs when it wants YAML.
 * @throws {ChannelsError} `FST_CHANNELS_NO_YAML` when the package cannot be loaded.
 */
export async function yamlOf (document: AsyncApiDocument, load: Load = () => import('yaml')): Promise<string> {
  const { stringify } = await load().catch(() => { throw new NoYaml() })
  // Without anchors, because not every tool reads them.
  return stringify(document, { aliasDuplicateObjects: false })
}

/** The package `yaml` is not there. */
class NoYaml extends ChannelsError {
  constructor () {
    super('FST_CHANNELS_NO_YAML', "the package 'yaml' is not installed for an AsyncAPI document in YAML: " +
      'install it with npm install yaml, or use JSON', 501)
  }
}
