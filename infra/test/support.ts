// What the tests look at: templates as they are deployed, without code.

import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';

import { Assets, PLACEHOLDER } from '../lib/assets';
import { deployment } from '../lib/deployment';
import { settingsOf } from '../lib/given';
import type { AndonStack } from '../lib/stack';

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

export interface Resource {
  readonly Type: string;
  readonly Properties: { readonly [name: string]: any };
  readonly DeletionPolicy?: string;
}

export function stackOf(preset: string, settings: unknown = {}): AndonStack {
  return deployment(app(), settingsOf({ preset, settings }), new Assets(PLACEHOLDER));
}

export function app(): App {
  // That templates are as CloudFormation takes them is checked by each `cdk synth`, and takes seconds.
  return new App({ context: { '@aws-cdk/core:validateAgainstDefaultRules': false } });
}

const made = new Map<string, Template>();

/** The template of a preset, with some settings laid over it. */
export function templateOf(preset: string, settings: unknown = {}): Template {
  const key = JSON.stringify([preset, settings]);
  const template = made.get(key) ?? Template.fromStack(stackOf(preset, settings));
  made.set(key, template);
  return template;
}

export function resources(template: Template, type: string): Record<string, Resource> {
  return template.findResources(type) as Record<string, Resource>;
}

/** The only resource of a type whose properties have these values. */
export function one(template: Template, type: string, properties: Readonly<Record<string, unknown>> = {}): Resource {
  const found = Object.values(resources(template, type)).filter((resource) =>
    Object.entries(properties).every(([name, value]) => resource.Properties[name] === value),
  );
  const [resource] = found;
  if (resource === undefined || found.length > 1) {
    throw new Error(`expected one ${type} with ${JSON.stringify(properties)}, found ${found.length}`);
  }
  return resource;
}

/** Settings with which models are asked. */
export const MODELS = { models: { endpoints: ['bearing-anomaly', 'Filler-2'] } };

export const PRESETS = ['dev', 'production'] as const;
