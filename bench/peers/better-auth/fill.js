// Partners and their keys, made through the plug-in's own API.

import { getMigrations } from "better-auth/db/migration";

import { PERMISSIONS } from "./auth.js";

const PARTNERS = 12;
const THIRTY_DAYS = 30 * 24 * 60 * 60;

// The request that verifies each key.
export async function fill(auth, keys) {
  const { runMigrations } = await getMigrations(auth.options);
  await runMigrations();
  const partners = [];
  for (let number = 0; number < Math.min(PARTNERS, keys); number += 1) {
    const body = {
      name: `Load Partner ${number}`,
      email: `partner-${number}@p.example`,
      password: `not a secret ${number}`,
    };
    partners.push((await auth.api.signUpEmail({ body })).user.id);
  }
  const requests = [];
  for (let number = 0; number < keys; number += 1) {
    const { key } = await auth.api.createApiKey({
      body: {
        userId: partners[number % partners.length],
        name: `key ${number}`,
        prefix: "lk_",
        expiresIn: THIRTY_DAYS,
        permissions: PERMISSIONS,
      },
    });
    requests.push({
      method: "POST",
      path: "/verify",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ key }),
    });
  }
  return requests;
}
