import type { JsonSchema } from '../../asyncapi/schema/json-schema.ts'
import type { Side } from '../../asyncapi/model/side.ts'
import type { MessageModel } from '../../asyncapi/model/channel-models.ts'
import { classOf, dataclassOf } from './dataclass.ts'
import type { ClassNames } from './python-names.ts'
import { stringLiteral } from './python-text.ts'
import type { PythonTypes } from './python-types.ts'

/** Makes the classes of the messages of one channel, or of a connection. */
export class MessageClasses {
  readonly code: string[] = []
  readonly #types: PythonTypes
  readonly #names: ClassNames
  /** The class of the channel. */
  readonly #owner: string

  constructor (types: PythonTypes, names: ClassNames, owner: string) {
    this.#types = types
    this.#names = names
    this.#owner = owner
  }

  /** Adds a message from the server. Returns the name of its class. */
  addEvent (type: string, { payload }: MessageModel): string {
    const name = this.#names.take(type, `${this.#owner} ${type}`, `${this.#owner} ${type} event`)
    this.#add(payload, name, 'Event', [`_type = ${stringLiteral(type)}`])
    return name
  }

  /** Adds a message to the server, with its reply and its errors. */
  addRequest (type: string, { payload, reply, errors, operation }: MessageModel): void {
    const name = this.#names.take(type, `${this.#owner} ${type}`, `${this.#owner} ${type} request`)
    const replyType = reply ? this.#valueOf(reply, `${name} reply`) : 'None'
    const declared = [...errors].map(([code, { schema }]) => this.#addError(type, code, schema, name))
    this.#add(payload, name, `Request["${this.#owner}", ${replyType}]`, [
      `_type = ${stringLiteral(type)}`,
      ...replyType === 'None' ? [] : [`_reply = ${replyType}`],
      ...declared.length > 0 ? [`_errors = (${declared.join(', ')}${declared.length === 1 ? ',' : ''})`] : [],
      ...operation['x-idempotent'] === true ? ['_idempotent = True'] : []
    ])
  }

  #addError (type: string, code: string, schema: JsonSchema, message: string): string {
    const name = this.#names.take(`${message} ${code}`)
    const details = this.#types.typeOf(schema, `${name} details`)
    const constants = constantsOf([
      `CODE = ${stringLiteral(code)}`, `_details = ${details}`, `details: ${details}`
    ])
    const description = `'${type}' failed with '${code}'.`
    this.code.push(classOf({ description }, { name, bases: ['RequestError'], constants }, []))
    return name
  }

  /** The type of a reply, which is None where it is absent. */
  #valueOf ({ schema }: Side, name: string): string {
    const { payload } = schema.properties as Readonly<Record<string, JsonSchema | undefined>>
    if (payload === undefined) return 'None'
    const type = this.#types.typeOf(payload, name)
    return schema.required || this.#types.isNullable(payload) ? type : `${type} | None`
  }

  #add ({ schema }: Side, name: string, base: string, constants: readonly string[]): void {
    const { properties, required } = schema
    const { payload } = properties as Readonly<Record<string, JsonSchema | undefined>>
    const shape = payload && this.#types.shapeOf(payload)
    if (payload === undefined || (!required && payload.type === 'null')) {
      this.#push(classOf({}, { name, bases: [base], constants: constantsOf([...constants, '_form = "none"']) }, []))
    } else if (!required || !shape?.properties) {
      const whole = { properties: new Map([['payload', payload]]), required: new Set(required ? ['payload'] : []) }
      const head = { name, bases: [base], constants: constantsOf([...constants, '_form = "value"']) }
      this.#push(dataclassOf(this.#types, payload, { ...whole, others: undefined }, head))
    } else if (payload.$ref === undefined) {
      this.#push(dataclassOf(this.#types, payload, shape, { name, bases: [base], constants: constantsOf(constants) }))
    } else {
      const type = this.#types.typeOf(payload, name)
      this.#push(classOf({}, { name, bases: [type, base], constants: constantsOf(constants) }, []))
    }
  }

  #push (code: string): void {
    this.code.push(code)
  }
}

const constantsOf = (lines: readonly string[]) => lines.map((line) => `    ${line}\n`).join('')
