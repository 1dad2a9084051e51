// Registers, encodes and decodes with a client of the Schema Registry that
// others wrote. What comes out is one JSON object on standard output; TestNode
// says what it must be.
'use strict'

const { SchemaRegistry, SchemaType } = require('@kafkajs/confluent-schema-registry')

const connect = () =>
  new SchemaRegistry({
    host: process.env.REGISTRY,
    auth: { username: process.env.REGISTRY_USER, password: process.env.REGISTRY_PASSWORD },
    retry: { retries: 0 },
  })

const text = schema => JSON.stringify(schema)

const order = text({ type: 'record', name: 'Order', namespace: 'shop', fields: [{ name: 'id', type: 'string' }] })
const cases = {
  avro: {
    schema: { type: SchemaType.AVRO, schema: order },
    subject: 'orders-value',
    value: { id: 'A-1' },
  },
  avroReference: {
    schema: {
      type: SchemaType.AVRO,
      schema: text({ type: 'record', name: 'Line', namespace: 'shop', fields: [{ name: 'order', type: 'shop.Order' }] }),
      references: [{ name: 'shop.Order', subject: 'orders-value', version: 1 }],
    },
    subject: 'lines-value',
    value: { order: { id: 'A-1' } },
  },
  json: {
    schema: {
      type: SchemaType.JSON,
      schema: text({
        $schema: 'http://json-schema.org/draft-07/schema#',
        type: 'object',
        properties: { id: { type: 'string' } },
        required: ['id'],
        additionalProperties: false,
      }),
    },
    subject: 'json-value',
    value: { id: 'J-1' },
  },
  protobuf: {
    schema: { type: SchemaType.PROTOBUF, schema: 'syntax = "proto3";\npackage shop;\nmessage Ping {\n  string id = 1;\n}\n' },
    subject: 'pings-value',
    value: { id: 'P-1' },
  },
}

async function run() {
  const results = {}
  for (const [name, { schema, subject, value }] of Object.entries(cases)) {
    const writer = connect()
    const { id } = await writer.register(schema, { subject })
    const bytes = await writer.encode(id, value)
    // Another client has to fetch the schema by the id in the bytes.
    const decoded = await connect().decode(bytes)
    results[name] = {
      magic: bytes[0],
      idInBytes: bytes.readInt32BE(1) === id,
      latest: (await writer.getLatestSchemaId(subject)) === id,
      version: (await writer.getRegistryId(subject, 1)) === id,
      found: schema.references !== undefined || (await writer.getRegistryIdBySchema(subject, schema)) === id,
      decoded,
    }
  }
  results.incompatible = await connect()
    .register({ type: SchemaType.AVRO, schema: order.replace('"string"', '"long"') }, { subject: 'orders-value' })
    .then(() => 'accepted', error => error.message)
  results.unknown = await connect()
    .decode(Buffer.from([0, 0x7f, 0xff, 0xff, 0xff, 0]))
    .then(() => 'found', error => error.message)
  return results
}

run().then(
  results => process.stdout.write(JSON.stringify(results) + '\n'),
  error => {
    process.stderr.write(String(error && error.stack) + '\n')
    process.exit(1)
  },
)
