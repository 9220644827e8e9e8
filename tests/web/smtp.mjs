// A mail server for tests. Prints its port, then each message that it takes as one line of JSON.
// Usage: node smtp.mjs PORT RULES [LOCK]   (port 0: any free one). Ends with its standard input.
// LOCK: a file of JSON, {"key", "cert" (PEM), "implicit", "user", "password"}: TLS, from the first
// byte or by STARTTLS, and no mail without signing in. Without it: neither.
// RULES: a file of JSON, {"address": "refuse" | "later" | "hang-up" | "stall"}, read for each mail.
import { readFileSync } from "node:fs";
import { SMTPServer } from "smtp-server";

const rules = process.argv[3];

function treatment(address) {
  try {
    return JSON.parse(readFileSync(rules, "utf8"))[address];
  } catch {
    return undefined;
  }
}

function refusal(responseCode, text) {
  return Object.assign(new Error(text), { responseCode });
}

const lock = process.argv[4] && JSON.parse(readFileSync(process.argv[4], "utf8"));
const door = lock
  ? {
      secure: lock.implicit,
      key: lock.key,
      cert: lock.cert,
      authMethods: ["PLAIN", "LOGIN"],
      onAuth: ({ username, password }, _session, done) =>
        username === lock.user && password === lock.password
          ? done(null, { user: username })
          : done(refusal(535, "5.7.8 authentication credentials invalid")),
    }
  : { authOptional: true, disabledCommands: ["STARTTLS", "AUTH"] };

const server = new SMTPServer({
  ...door,
  onRcptTo({ address }, session, done) {
    switch (treatment(address)) {
      case "stall":
        return setTimeout(() => this.onRcptTo({ address }, session, done), 25);
      case "refuse":
        return done(refusal(550, "5.1.1 there is no such mailbox here"));
      case "later":
        return done(refusal(451, "4.7.1 greylisted, come again"));
      default:
        return done();
    }
  },
  onData(stream, session, done) {
    const chunks = [];
    stream.on("data", (chunk) => chunks.push(chunk));
    stream.on("end", () => {
      const { mailFrom, rcptTo } = session.envelope;
      const message = {
        from: mailFrom.address ?? "",
        to: rcptTo.map(({ address }) => address),
        tls: session.secure,
        user: session.user ?? null,
        raw: Buffer.concat(chunks).toString("base64"),
      };
      const hangUp = message.to.some((to) => treatment(to) === "hang-up");
      // Taken only once the test can see it: a mail that was acknowledged is never lost here.
      process.stdout.write(JSON.stringify(message) + "\n", () => {
        if (!hangUp) return done();
        // Taken, and not acknowledged.
        for (const connection of server.connections) {
          if (connection.id === session.id) connection._socket.destroy();
        }
      });
    });
  },
});

server.on("error", (error) => {
  if (error.syscall !== "listen") return;
  console.error(error.message);
  process.exit(1);
});
server.listen(Number(process.argv[2] ?? 0), "127.0.0.1", () => {
  process.stdout.write(`${server.server.address().port}\n`);
});
process.stdin.on("end", () => process.exit(0)).resume();
