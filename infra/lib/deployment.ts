// A stack in an app, as it is deployed.

import { type App, DefaultStackSynthesizer, Tags } from 'aws-cdk-lib';

import type { Assets } from './assets';
import type { Settings } from './settings';
import { AndonStack } from './stack';

export function deployment(app: App, settings: Settings, assets: Assets): AndonStack {
  const stack = new AndonStack(app, settings.name, settings, assets, {
    // The template then stands for itself: SAM and other tools deploy it too, into accounts that know no CDK.
    synthesizer: new DefaultStackSynthesizer({ generateBootstrapVersionRule: false }),
  });
  // Metadata for cfn-lint: a function names its role twice, since CDK writes it so (W3005); a template without code has a
  // rule that never holds (W8003), and one for SAM names code on this machine (W3002), and both are meant.
  const meant = ['W3002', 'W3005', 'W8003'];
  stack.templateOptions.metadata = { 'cfn-lint': { config: { ignore_checks: meant } } };
  // For the bill: one stream is one tenant.
  Tags.of(stack).add('andon', settings.name);
  return stack;
}
