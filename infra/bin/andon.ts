// The app: what was given, checked, as a stack.

import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';

import { Assets, MissingAssets } from '../lib/assets';
import { Mistakes, settingsOf } from '../lib/given';
import { deployment } from '../lib/deployment';

try {
  const app = new App();
  const text = (name: string, otherwise: string): string => String(app.node.tryGetContext(name) ?? otherwise);
  const settings = settingsOf({
    preset: text('preset', 'dev'),
    settings: app.node.tryGetContext('settings') as unknown,
  });
  const named = text('code', 'uploaded') === 'local' ? 'local' : 'uploaded';
  deployment(app, settings, new Assets(text('assets', 'target/lambda'), named));
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  app.synth();
} catch (error) {
  // Mistakes in settings are reported without a stack trace.
  const known = error instanceof Mistakes || error instanceof MissingAssets;
  console.error(known ? error.message : error);
  process.exitCode = 1;
}
