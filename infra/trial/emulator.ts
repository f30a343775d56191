// The few calls of AWS that a trial makes itself, to an emulator, which looks at no signature.

/** A call in the JSON protocol. */
export async function json(service: string, target: string, body: object): Promise<Record<string, any>> {
  const headers = { ...authorization(service), 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': target };
  const answer = await fetch(endpoint(), { method: 'POST', headers, body: JSON.stringify(body) });
  return JSON.parse(await checked(target, answer)) as Record<string, any>;
}

/** A call in the query protocol, of which only the success matters. */
export async function query(service: string, action: string, parameters: Record<string, string>): Promise<void> {
  const body = new URLSearchParams({ Action: action, ...parameters });
  const answer = await fetch(endpoint(), { method: 'POST', headers: authorization(service), body });
  await checked(action, answer);
}

function endpoint(): string {
  const url = process.env['AWS_ENDPOINT_URL'];
  if (url === undefined || !/^http:\/\/(127\.0\.0\.1|localhost)[:/]/.test(url)) {
    throw new Error(`AWS_ENDPOINT_URL is \`${url ?? ''}\`; expected an emulator on this machine`);
  }
  return url;
}

/** By what stands here emulators tell which service is called. */
function authorization(service: string): Record<string, string> {
  const scope = `test/20260101/${process.env['AWS_REGION'] ?? 'us-east-1'}/${service}/aws4_request`;
  return { authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=0` };
}

async function checked(what: string, answer: Response): Promise<string> {
  const text = await answer.text();
  if (!answer.ok) {
    throw new Error(`${what} was answered with ${answer.status}: ${text}`);
  }
  return text;
}
