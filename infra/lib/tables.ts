// The tables: what the code that uses them says of them (shared/aws/tables.json), and how they are kept.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { RemovalPolicy } from 'aws-cdk-lib';
import { AttributeType, BillingMode, ProjectionType, StreamViewType, Table } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';

import { ROOT } from './assets';
import type { Settings } from './settings';

export interface TableSettings {
  /** Every second of the last 35 days can be restored: a rule or a hand that destroys states is no end. */
  readonly pointInTimeRecovery: boolean;
}

type TableName = 'state' | 'outbox' | 'checkpoints' | 'rules';

interface Key {
  readonly name: string;
  readonly type: 'S' | 'N' | 'B';
}

/** One table of shared/aws/tables.json. */
export interface Shape {
  readonly partitionKey: Key;
  readonly sortKey?: Key;
  readonly indexes?: Readonly<Record<string, { readonly partitionKey: Key; readonly sortKey: Key }>>;
  readonly timeToLive?: string;
  readonly stream?: 'NEW_IMAGE';
}

export function shapes(): Readonly<Record<TableName, Shape>> {
  return JSON.parse(readFileSync(join(ROOT, 'shared', 'aws', 'tables.json'), 'utf8')) as Record<TableName, Shape>;
}

const TYPES = { S: AttributeType.STRING, N: AttributeType.NUMBER, B: AttributeType.BINARY };

export class Tables extends Construct {
  readonly state: Table;
  readonly outbox: Table;
  readonly checkpoints: Table;
  readonly rules: Table;

  constructor(
    scope: Construct,
    private readonly settings: Settings,
  ) {
    super(scope, 'Tables');
    const { state, outbox, checkpoints, rules } = shapes();
    this.state = this.table('State', 'state', state);
    this.outbox = this.table('Outbox', 'outbox', outbox);
    this.checkpoints = this.table('Checkpoints', 'checkpoints', checkpoints);
    this.rules = this.table('Rules', 'rules', rules);
  }

  private table(id: string, name: string, shape: Shape): Table {
    const keep = this.settings.data === 'retain';
    const table = new Table(this, id, {
      tableName: `${this.settings.name}-${name}`,
      partitionKey: attribute(shape.partitionKey),
      ...(shape.sortKey && { sortKey: attribute(shape.sortKey) }),
      // The load is that of the lines: bursts, nights, weekends. Nothing to be sized, and a warm table takes any of it.
      billingMode: BillingMode.PAY_PER_REQUEST,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: this.settings.tables.pointInTimeRecovery },
      ...(shape.timeToLive !== undefined && { timeToLiveAttribute: shape.timeToLive }),
      ...(shape.stream !== undefined && { stream: StreamViewType[shape.stream] }),
      // Encrypted with a key of the service, as every table is; another one would be paid for by the request.
      deletionProtection: keep,
      removalPolicy: keep ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    for (const [indexName, index] of Object.entries(shape.indexes ?? {})) {
      table.addGlobalSecondaryIndex({
        indexName,
        partitionKey: attribute(index.partitionKey),
        sortKey: attribute(index.sortKey),
        // What is due is found by its key; whatever else stood here would be written twice.
        projectionType: ProjectionType.KEYS_ONLY,
      });
    }
    return table;
  }
}

function attribute({ name, type }: Key): { name: string; type: AttributeType } {
  return { name, type: TYPES[type] };
}
