// Which calls of AWS each function makes, read from the Rust sources: from the workflow of the function to the methods
// of ports that it calls, and from those to the operations of the SDK in `andon-aws`, with the table where there is one.
//
// The reader matches functions by name, and separates methods (`.name`) from free functions. It may find more calls than
// a function makes, never fewer.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { ROOT } from '../lib/assets';

/** Where a workflow begins, and the files of `andon-workflows` that it is in. */
const WORKFLOWS = {
  evaluate: { entry: '.evaluate', files: ['evaluate', 'catalog.rs', 'retry.rs'] },
  publish: { entry: 'publish', files: ['publish', 'outbox.rs', 'retry.rs'] },
  tick: { entry: 'tick', files: ['tick.rs', 'catalog.rs'] },
  enrich: { entry: '.enrich', files: ['enrich', 'retry.rs'] },
} as const;

export type Workflow = keyof typeof WORKFLOWS;

interface Definition {
  /** With a dot before it, if it is a method. */
  readonly name: string;
  readonly isAsync: boolean;
  readonly body: string;
}

export const ADAPTERS = join(ROOT, 'shared', 'aws', 'src');
const WORKFLOW_SOURCES = join(ROOT, 'shared', 'workflows', 'src');

/** Actions and what they are for, such as `dynamodb:Query state`, sorted. */
export function callsOf(workflow: Workflow): string[] {
  const { entry, files } = WORKFLOWS[workflow];
  const workflows = files.flatMap((file) => definitions(join(WORKFLOW_SOURCES, file)));
  const ports = new Set(
    definitions(join(WORKFLOW_SOURCES, 'ports'), true)
      .filter(({ isAsync }) => isAsync)
      .map(({ name }) => name),
  );
  const adapters = definitions(ADAPTERS);
  const found = new Set<string>();
  for (const method of methodsCalled(entry, workflows, ports)) {
    operations(method, [], adapters, new Set(), found);
  }
  if (found.size === 0) {
    throw new Error(`no call of ${workflow} was found: have the sources moved?`);
  }
  return [...found].sort();
}

/** The methods of ports that are called from a function, through others. */
function methodsCalled(entry: string, workflows: readonly Definition[], ports: ReadonlySet<string>): Set<string> {
  const methods = new Set<string>();
  const seen = new Set<string>();
  const open = [entry];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (seen.has(name)) {
      continue;
    }
    seen.add(name);
    for (const { body } of workflows.filter((definition) => definition.name === name)) {
      open.push(...calls(body));
      portCalls(body, ports).forEach((method) => methods.add(method));
    }
  }
  return methods;
}

/** Methods of ports, told from others of the same name: they are awaited, or called on what is named so. */
function portCalls(body: string, ports: ReadonlySet<string>): string[] {
  const found: string[] = [];
  for (const match of body.matchAll(/(\w+)?\s*(\.\w+)\(/g)) {
    const [text, on, method = ''] = match;
    const rest = body.slice(match.index + text.length - 1);
    const awaited = /^\s*\.await\b/.test(rest.slice(enclosed(rest, '(', ')').length));
    if (ports.has(method) && (awaited || on === 'ports' || on === 'store')) {
      found.push(method);
    }
  }
  return found;
}

const SDK = /\.\s*(dynamodb|kinesis|eventbridge|s3|sqs|secretsmanager|models)\(\)\s*\.\s*(\w+)\(\)/g;

/** The operations that a method leads to. A table is that of the function itself, else of the one that called it. */
function operations(
  name: string,
  inherited: readonly string[],
  adapters: readonly Definition[],
  seen: Set<string>,
  found: Set<string>,
): void {
  for (const { body } of adapters.filter((definition) => definition.name === name)) {
    const named = [...body.matchAll(/\bnames\s*\.\s*(\w+)_table\b/g)].map(([, table]) => table ?? '');
    const tables = named.length > 0 ? [...new Set(named)] : inherited;
    const visit = `${name} ${tables.join(' ')}`;
    if (seen.has(visit)) {
      continue;
    }
    seen.add(visit);
    for (const [, client, operation] of body.matchAll(SDK)) {
      for (const action of actions(client ?? '', operation ?? '', body, tables)) {
        found.add(action);
      }
    }
    for (const called of calls(body.replaceAll(SDK, ''))) {
      operations(called, tables, adapters, seen, found);
    }
  }
}

function actions(client: string, operation: string, body: string, tables: readonly string[]): string[] {
  if (client === 'dynamodb') {
    // A transaction is allowed by what it consists of.
    const parts = operation === 'transact_write_items' ? transacted(body) : [camel(operation)];
    const indexed = /\bindex_name\(/.test(body) ? '/index' : '';
    return parts.flatMap((part) => tables.map((table) => `dynamodb:${part} ${table}${indexed}`));
  }
  if (client === 's3') {
    // What is exchanged with asynchronous endpoints may be in other buckets.
    const bucket = /\basync_bucket\b/.test(body) ? 'inputs' : /\bnames\s*\.\s*bucket\b/.test(body) ? 'records' : 'answers';
    switch (operation) {
      case 'get_object':
        // Without leave to list, an object that is missing is answered as a forbidden one.
        return [`s3:GetObject ${bucket}`, `s3:ListBucket ${bucket}`];
      case 'list_objects_v2':
        return [`s3:ListBucket ${bucket}`];
      default:
        return [`s3:${camel(operation)} ${bucket}`];
    }
  }
  if (client === 'sqs' && operation === 'send_message_batch') {
    // IAM has one action for both. Failures are reported one by one.
    return ['sqs:SendMessage score-requests'];
  }
  const [service, thing] = {
    kinesis: ['kinesis', 'stream'],
    eventbridge: ['events', 'bus'],
    sqs: ['sqs', 'failures'],
    secretsmanager: ['secretsmanager', 'key'],
    models: ['sagemaker', 'endpoints'],
  }[client] ?? [client, client];
  return [`${service}:${camel(operation)} ${thing}`];
}

function transacted(body: string): string[] {
  const builders = { put: 'PutItem', update: 'UpdateItem', delete: 'DeleteItem', condition_check: 'ConditionCheckItem' };
  const used = Object.entries(builders).filter(([builder]) => new RegExp(`\\.\\s*${builder}\\(`).test(body));
  return used.map(([, action]) => action);
}

function camel(name: string): string {
  return name.replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function calls(body: string): string[] {
  const found = body.matchAll(/(\.\s*)?\b([a-z_]\w*)\s*(?:::<[^()]*>)?\(/g);
  return [...found].map(([, dot, name]) => `${dot ? '.' : ''}${name}`);
}

/** The functions that are defined in a file or in the files of a folder; `bodiless`: also those of traits. */
function definitions(path: string, bodiless = false): Definition[] {
  if (!existsSync(path)) {
    throw new Error(`there is no ${path}: have the sources moved?`);
  }
  if (statSync(path).isDirectory()) {
    return readdirSync(path)
      .filter((name) => name !== 'tests' && name !== 'tests.rs')
      .flatMap((name) => definitions(join(path, name), bodiless));
  }
  const source = bare(readFileSync(path, 'utf8'));
  const found: Definition[] = [];
  for (const match of source.matchAll(/(\basync\s+)?\bfn\s+(\w+)/g)) {
    const [, isAsync, name] = match;
    const from = match.index + match[0].length;
    const end = source.slice(from).search(/[{;]/) + from;
    const isBodiless = source[end] !== '{';
    if (isBodiless && !bodiless) {
      continue;
    }
    const isMethod = /^[^)]*\(\s*(?:&\s*(?:'\w+\s+)?)?(?:mut\s+)?self\b/.test(source.slice(from, end));
    found.push({
      name: `${isMethod ? '.' : ''}${name}`,
      isAsync: isAsync !== undefined,
      body: isBodiless ? '' : enclosed(source.slice(end), '{', '}'),
    });
  }
  return found;
}

/** A source without comments, texts, letters and tests. */
function bare(source: string): string {
  const quiet = source.replaceAll(
    /\/\/[^\n]*|r(#+)"[^]*?"\1|b?"(?:[^"\\]|\\[^])*"|b?'(?:[^'\\\n]|\\[^'\n]+|\\')'/g,
    (text) => (text.startsWith('//') ? '' : '""'),
  );
  const tests = quiet.search(/#\[cfg\((?:all\()?test\b[^\]]*\]\s*mod\s+\w+\s*\{/);
  return tests < 0 ? quiet : quiet.slice(0, tests);
}

/** What a text that begins with an opening bracket has up to the closing one. */
function enclosed(text: string, opening: string, closing: string): string {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    depth += text[at] === opening ? 1 : text[at] === closing ? -1 : 0;
    if (depth === 0) {
      return text.slice(0, at + 1);
    }
  }
  return text;
}
