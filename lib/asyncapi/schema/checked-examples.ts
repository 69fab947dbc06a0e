import { ContractError } from '../../contract/contract-errors.ts'
import { exampleOf } from '../../contract/examples/example.ts'
import { childrenOf, isRecursive, type SchemaNode } from '../../contract/schema/schema-node.ts'
import type { TypeBoxSchema } from '../../contract/schema/typebox-schema.ts'
import { compileValidator } from '../../contract/schema/validators.ts'

/**
 * The examples of a schema, once they and those of the schemas within it are checked. A schema without any has one that
 * is made up, or none where that fails.
 * @throws {ContractError} for an example that breaks its schema.
 */
export function examplesOf (schema: TypeBoxSchema, path: string): readonly unknown[] {
  const node = schema as SchemaNode
  const examples = checkOwn(node, path)
  checkWithin(node, path)
  return examples.length > 0 ? examples : madeUp(schema, path)
}

function madeUp (schema: TypeBoxSchema, path: string): readonly unknown[] {
  try {
    return [exampleOf(schema, path)]
  } catch {
    return []
  }
}

function checkWithin (node: SchemaNode, path: string): void {
  for (const [key, child] of childrenOf(node)) {
    // A part of a recursive schema cannot be checked alone.
    if (!isRecursive(child)) checkOwn(child, `${path}/${key}`)
    checkWithin(child, `${path}/${key}`)
  }
}

function checkOwn (node: SchemaNode, path: string): readonly unknown[] {
  const { examples = [] } = node as { readonly examples?: unknown }
  if (!Array.isArray(examples)) {
    throw new ContractError(path, "invalid 'examples'", 'pass an array of values')
  }
  if (examples.length === 0) return examples
  const issueOf = compileValidator(node as unknown as TypeBoxSchema, path)
  for (const [i, example] of examples.entries()) {
    const issue = issueOf(example)
    if (issue === undefined) continue
    throw new ContractError(`${path}, examples/${i}${issue.path}`, 'an example that breaks its schema',
      `change it, because the schema says: ${issue.message}`)
  }
  return examples
}
