// The tables are as the code that uses them says (shared/aws/tables.json); a test of `andon-aws` says that of the
// tables that it makes for development.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { shapes } from '../lib/tables';
import { one, PRESETS, templateOf } from './support';

interface KeySchema {
  readonly AttributeName: string;
  readonly KeyType: 'HASH' | 'RANGE';
}

for (const preset of PRESETS) {
  test(`tables of ${preset} have the keys, indexes, times to live and streams that the code uses`, () => {
    for (const [name, shape] of Object.entries(shapes())) {
      const table = one(templateOf(preset), 'AWS::DynamoDB::Table', { TableName: `andon-${name}` }).Properties;
      const types = new Map<string, string>();
      for (const { AttributeName, AttributeType } of table['AttributeDefinitions']) {
        types.set(AttributeName, AttributeType);
      }
      const keys = (schema: readonly KeySchema[]) =>
        schema.map((key) => ({ name: key.AttributeName, type: types.get(key.AttributeName), kind: key.KeyType }));
      const expected = ({ partitionKey, sortKey }: Pick<typeof shape, 'partitionKey' | 'sortKey'>) => [
        { ...partitionKey, kind: 'HASH' },
        ...(sortKey ? [{ ...sortKey, kind: 'RANGE' }] : []),
      ];
      assert.deepEqual(keys(table['KeySchema']), expected(shape), name);
      const indexes = table['GlobalSecondaryIndexes'] ?? [];
      assert.deepEqual(
        indexes.map((index: any) => [index.IndexName, keys(index.KeySchema), index.Projection]),
        Object.entries(shape.indexes ?? {}).map(([index, key]) => [index, expected(key), { ProjectionType: 'KEYS_ONLY' }]),
        name,
      );
      const ttl = table['TimeToLiveSpecification'];
      assert.deepEqual(ttl, shape.timeToLive && { AttributeName: shape.timeToLive, Enabled: true }, name);
      assert.deepEqual(table['StreamSpecification'], shape.stream && { StreamViewType: shape.stream }, name);
    }
  });
}
