// The code of the functions: zips that were built before. Nothing is built here, so that a template needs no Rust.

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { CfnRule, Fn, type Stack } from 'aws-cdk-lib';
import { type CfnFunction, Code, type Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';

import { acknowledge } from './nag';

/** What stands for the code where only the template is wanted. */
export const PLACEHOLDER = 'placeholder';

/** The root of the repository, seen from infra/build/lib. */
export const ROOT = resolve(__dirname, '..', '..', '..');

export class MissingAssets extends Error {}

export class Assets {
  /**
   * @param folder where `cargo lambda build` puts its binaries or zips, or `placeholder`
   * @param named how the template names the code: `uploaded`, by where CDK uploads it, or `local`, by where it is on this
   * machine, for SAM, which uploads it by itself
   */
  constructor(
    private readonly folder: string,
    private readonly named: 'uploaded' | 'local' = 'uploaded',
  ) {}

  code(crate: string): Code {
    return Code.fromAsset(this.path(crate));
  }

  /** Names the code of a function in the template. */
  name(fn: LambdaFunction, crate: string): void {
    if (this.named === 'local') {
      (fn.node.defaultChild as CfnFunction).addPropertyOverride('Code', this.path(crate));
      acknowledge(fn, 'CloudFormation-Validate::W3002', 'SAM uploads what is named by its path');
    }
  }

  private path(crate: string): string {
    if (this.folder === PLACEHOLDER) {
      return join(ROOT, 'infra', 'placeholder');
    }
    const folder = join(resolve(ROOT, this.folder), crate);
    const zip = join(folder, 'bootstrap.zip');
    if (!existsSync(zip) && existsSync(join(folder, 'bootstrap'))) {
      // Not packed: CDK does it.
      return folder;
    }
    if (!existsSync(zip)) {
      throw new MissingAssets(
        `there is no \`${zip}\`; build it with \`cargo lambda build --profile lambda --arm64 --output-format zip -p ${crate}\` ` +
          '(docs/deploy.md; `--x86-64` where that is the architecture), name the folder of the zips with ' +
          '`-c assets=FOLDER`, or say `-c assets=placeholder` for a template that cannot be deployed',
      );
    }
    return zip;
  }

  /** A template without code is refused by CloudFormation, before it makes anything. */
  refuseDeployment(stack: Stack): void {
    if (this.folder === PLACEHOLDER) {
      new CfnRule(stack, 'NoCode', {
        assertions: [
          {
            assert: Fn.conditionEquals('placeholder', 'code'),
            assertDescription:
              'this template was made without the code of the functions: build them, and leave out `-c assets=placeholder`',
          },
        ],
      });
    }
  }
}
