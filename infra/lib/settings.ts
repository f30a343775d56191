// What can be set, all of it. Each group stands beside the construct that it is for, with the reasons; the values are
// in presets.ts.

import type { AlarmSettings } from './alarms';
import type { BusSettings } from './bus';
import type { ConsumerSettings } from './consumer';
import type { EnrichSettings } from './enrich';
import type { EvaluateSettings } from './evaluate';
import type { LogSettings } from './function';
import type { ModelSettings } from './models';
import type { PublishSettings } from './publish';
import type { RecordsSettings } from './records';
import type { RolloutSettings } from './rollout';
import type { StreamSettings } from './stream';
import type { TableSettings } from './tables';
import type { TickSettings } from './tick';

export interface Settings {
  /**
   * Begins the name of everything. Permissions cannot divide a stream, so each tenant has a deployment of its own,
   * with a name of its own.
   */
  readonly name: string;

  /** arm64 costs a fifth less per second, and the functions are built for either. */
  readonly architecture: 'arm64' | 'x86_64';

  /**
   * What becomes of data when the deployment is deleted. `retain`: stream, tables, bucket and secret stay, and are not
   * deleted by mistake. `destroy`: nothing stays.
   */
  readonly data: 'retain' | 'destroy';

  /** An emulator that the functions call instead of AWS, such as `http://127.0.0.1:4566`; null: AWS. */
  readonly endpoint: string | null;

  /** Another number lets every function start anew, as after a change of the internal key, and changes nothing else. */
  readonly generation: number;

  readonly stream: StreamSettings;
  readonly tables: TableSettings;
  readonly records: RecordsSettings;
  readonly evaluate: EvaluateSettings;
  readonly publish: PublishSettings;
  readonly tick: TickSettings;
  readonly models: ModelSettings;
  readonly enrich: EnrichSettings;
  readonly bus: BusSettings;
  readonly logs: LogSettings;
  readonly rollout: RolloutSettings;
  readonly alarms: AlarmSettings;
  readonly consumer: ConsumerSettings;
}
