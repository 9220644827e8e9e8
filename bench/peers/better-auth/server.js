// The first process fills the database and starts one worker for each core, as Node's own cluster
// does it. `auth.api.verifyApiKey` has no address of its own, so it gets the thinnest one there is.

import cluster from "node:cluster";
import { randomBytes } from "node:crypto";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { availableParallelism } from "node:os";

import { open, PERMISSIONS } from "./auth.js";
import { fill } from "./fill.js";

const [folder, port, keys] = process.argv.slice(2);

if (cluster.isPrimary) {
  mkdirSync(folder, { recursive: true });
  const secret = randomBytes(32).toString("base64");
  const requests = await fill(open(folder, secret), Number(keys));
  await start(Number(process.env.WORKERS ?? availableParallelism()), secret);
  writeFileSync(`${folder}/requests.part`, JSON.stringify({ requests }), { mode: 0o600 });
  renameSync(`${folder}/requests.part`, `${folder}/requests.json`);
} else {
  serve(open(folder, process.env.SECRET));
}

async function start(workers, secret) {
  const listening = [];
  for (let number = 0; number < workers; number += 1) {
    const worker = cluster.fork({ SECRET: secret });
    listening.push(new Promise((resolve) => worker.once("listening", resolve)));
  }
  cluster.on("exit", () => process.exit(1));
  process.on("SIGTERM", () => process.exit(0));
  await Promise.all(listening);
}

function serve(auth) {
  const server = createServer((request, response) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
      verify(auth, request, Buffer.concat(parts)).then(
        ([status, body]) => send(response, status, body),
        () => send(response, 500, { allowed: false }),
      );
    });
  });
  server.keepAliveTimeout = 75_000;
  server.listen(Number(port), "127.0.0.1");
}

async function verify(auth, request, bytes) {
  if (request.method !== "POST" || request.url !== "/verify") {
    return [404, { allowed: false }];
  }
  const { key: text } = JSON.parse(bytes);
  const { valid, key } = await auth.api.verifyApiKey({
    body: { key: text, permissions: PERMISSIONS },
  });
  if (!valid) {
    return [401, { allowed: false }];
  }
  const { id, referenceId, permissions, expiresAt } = key;
  return [200, { allowed: true, key_id: id, partner_id: referenceId, permissions, expires_at: expiresAt }];
}

function send(response, status, body) {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
}
