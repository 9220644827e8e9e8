// better-auth with its API-key plug-in on SQLite.

import { apiKey } from "@better-auth/api-key";
import { betterAuth } from "better-auth";
import Database from "better-sqlite3";

export const PERMISSIONS = { shipments: ["read"] };

export function open(folder, secret) {
  const database = new Database(`${folder}/better-auth.sqlite`);
  database.pragma("journal_mode = WAL");
  database.pragma("synchronous = NORMAL");
  database.pragma("busy_timeout = 5000");
  return betterAuth({
    database,
    secret,
    baseURL: "http://localhost",
    emailAndPassword: { enabled: true },
    telemetry: { enabled: false },
    plugins: [
      apiKey({
        // On, as by default, and never reached. Off, the plug-in writes as many rows a call.
        rateLimit: { enabled: true, timeWindow: 60_000, maxRequests: 1_000_000_000 },
        startingCharactersConfig: { shouldStore: false },
      }),
    ],
  });
}
