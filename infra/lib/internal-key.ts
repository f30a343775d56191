// The secret with which the system seals its own records in the stream (ticks, scores), so that no sender with write access to
// the stream can forge them.
//
// In Secrets Manager: it makes the key itself, so that no person and no template ever holds it, and it keeps the
// one before, so that a change of keys loses nothing. A parameter of Systems Manager would save the $0.40 a month, but
// CloudFormation cannot create a secret one, so that a person would have to make and carry it. The functions read it
// when they start: as an environment variable, everybody who may look at a function could read it.

import { RemovalPolicy } from 'aws-cdk-lib';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';

import { acknowledge } from './nag';
import type { Settings } from './settings';

export function internalKey(scope: Construct, settings: Settings): Secret {
  const secret = new Secret(scope, 'InternalKey', {
    secretName: `${settings.name}/internal-key`,
    description: 'Seals the records that andon itself writes to its stream',
    // Its letters are the key as they stand: 64 out of 62, which is more than 32 bytes can say.
    generateSecretString: { passwordLength: 64, excludePunctuation: true },
    removalPolicy: settings.data === 'retain' ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
  });
  acknowledge(
    secret,
    'AwsSolutions-SMG4',
    'changed by hand: evaluate must know the new key before the others use it (docs/operations.md, "Changing the internal key")',
  );
  return secret;
}
