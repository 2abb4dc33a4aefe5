// Sends with nodemailer what tests/fakes/peers/nodemailer.py tells it in JSON on standard input; says what came of it.
"use strict";

const nodemailer = require("nodemailer");

async function main() {
  const told = JSON.parse(require("fs").readFileSync(0, "utf8"));
  const transport = nodemailer.createTransport(told.transport);
  const send = async (message) => {
    try {
      const { accepted, rejected, response } = await transport.sendMail(message);
      return { accepted, rejected, response };
    } catch (error) {
      return { error: error.code, response: error.response || "", message: error.message };
    }
  };
  const found = await Promise.all(told.messages.map(send));
  transport.close();
  process.stdout.write(JSON.stringify(found));
}

main();
