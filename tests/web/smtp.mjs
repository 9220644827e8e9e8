// A mail server for tests. Prints its port, then each message that it takes as one line of JSON.
// Usage: node smtp.mjs PORT   (0: any free one). Ends with its standard input.
import { SMTPServer } from "smtp-server";

const server = new SMTPServer({
  authOptional: true,
  disabledCommands: ["STARTTLS"],
  allowInsecureAuth: true,
  onAuth: ({ username }, _session, done) => done(null, { user: username }),
  onData(stream, session, done) {
    const chunks = [];
    stream.on("data", (chunk) => chunks.push(chunk));
    stream.on("end", () => {
      const { mailFrom, rcptTo } = session.envelope;
      const message = {
        from: mailFrom.address ?? "",
        to: rcptTo.map(({ address }) => address),
        raw: Buffer.concat(chunks).toString("base64"),
      };
      // Taken only once the test can see it: a mail that was acknowledged is never lost here.
      process.stdout.write(JSON.stringify(message) + "\n", () => done());
    });
  },
});

server.on("error", (error) => {
  console.error(error.message);
  process.exit(1);
});
server.listen(Number(process.argv[2] ?? 0), "127.0.0.1", () => {
  process.stdout.write(`${server.server.address().port}\n`);
});
process.stdin.on("end", () => process.exit(0)).resume();
