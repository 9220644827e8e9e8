// One call: SHIPMENTS_KEY=… SHIPMENTS_BASE_URL=https://api.example.com node call.mjs /v2/shipments/1
//
// Node 18 or later, without packages. The key is read from the environment: on a command line,
// everybody on this machine could read it.

import { setTimeout as sleep } from "node:timers/promises";

const { SHIPMENTS_KEY, SHIPMENTS_BASE_URL } = process.env;

async function call(path, tries = 3) {
  for (;;) {
    const answer = await fetch(SHIPMENTS_BASE_URL + path, {
      headers: { authorization: `Bearer ${SHIPMENTS_KEY}` },
      // The key is for the API alone, not for where an answer may point.
      redirect: "manual",
      signal: AbortSignal.timeout(10_000),
    });
    tries -= 1;
    const told = answer.headers.get("retry-after") ?? "1";
    const wait = /^\d+$/.test(told) ? Number(told) : 1;
    if (answer.status === 429 && tries > 0 && wait <= 60) {
      await answer.body?.cancel();
      await sleep(wait * 1000);
      continue;
    }
    if (answer.ok) return answer.text();
    throw new Error(`${answer.status}: ${await sentence(answer)}`);
  }
}

// That of application/problem+json (RFC 9457).
async function sentence(answer) {
  try {
    return (await answer.json()).detail ?? "no reason given";
  } catch {
    return "no reason given";
  }
}

try {
  console.log(await call(process.argv[2]));
} catch (failed) {
  // Node's own message for a failed connection stands in its cause.
  console.error(failed.cause?.message ?? failed.message);
  process.exitCode = 1;
}
