import type { PageSchema } from '../contracts/page-schema.ts'
import type { Field, MakeField } from './field.ts'
import { listField, tupleField } from './list-field.ts'
import { objectField, recordField } from './object-field.ts'
import { booleanField, choiceField, fixedField, jsonField, numberField, textField } from './scalar-fields.ts'
import { unionField } from './union-field.ts'

const makers: Readonly<Record<string, (...args: [...Parameters<MakeField>, MakeField]) => Field>> = {
  Array: listField,
  Boolean: booleanField,
  Integer: numberField,
  Literal: fixedField,
  Null: fixedField,
  Number: numberField,
  Object: objectField,
  Record: recordField,
  RegExp: textField,
  String: textField,
  TemplateLiteral: textField,
  Tuple: tupleField
}

/** The field of a schema. A value of any form, such as a recursive one, is edited as JSON. */
export function makeField (schema: PageSchema, value: unknown, label: string): Field {
  if (schema.kind === 'Union') {
    const maker = isChoice(schema) ? choiceField : refers(schema) ? jsonField : unionField
    return maker(schema, value, label, makeField)
  }
  return (makers[schema.kind] ?? jsonField)(schema, value, label, makeField)
}

const isChoice = ({ anyOf = [] }: PageSchema) => anyOf.every(({ kind }) => kind === 'Literal' || kind === 'Null')

/** Whether a variant stands elsewhere: it cannot be compared with a value here. */
const refers = (schema: PageSchema) => JSON.stringify(schema).includes('"$ref"')
