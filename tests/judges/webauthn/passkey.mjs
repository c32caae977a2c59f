// A browser with an authenticator (nid-webauthn-emulator) that makes a passkey and an assertion, and a relying party
// (SimpleWebAuthn) that judges the assertion. Nothing here is Cloister's.
//
// On standard input a question: rp_id, origin, algorithm (COSE), challenge (base64url), and expectations, a list of
// challenge, origin and rp_id. On standard output: registration, assertion (both as the browser's toJSON() gives them), and
// verdicts, one for each expectation; and cose, the public key in COSE as the relying party read it (base64url).

import { readFileSync } from "node:fs";
import { verifyAuthenticationResponse, verifyRegistrationResponse } from "@simplewebauthn/server";
import emulator from "nid-webauthn-emulator";

const { rp_id, origin, algorithm, challenge, expectations } = JSON.parse(readFileSync(0));
const browser = new emulator.default();
const birth = Buffer.alloc(16, 1).toString("base64url");
const registration = browser.createJSON(origin, {
  rp: { id: rp_id, name: "Cloister" },
  user: { id: "cGVyc29u", name: "person", displayName: "Person" },
  challenge: birth,
  pubKeyCredParams: [{ type: "public-key", alg: algorithm }],
  authenticatorSelection: { userVerification: "required" },
});
const assertion = browser.getJSON(origin, {
  challenge,
  rpId: rp_id,
  userVerification: "required",
  allowCredentials: [{ type: "public-key", id: registration.id }],
});
const { registrationInfo } = await verifyRegistrationResponse({
  response: registration,
  expectedChallenge: birth,
  expectedOrigin: origin,
  expectedRPID: rp_id,
});
const verdicts = [];
for (const expected of expectations) {
  try {
    const { verified } = await verifyAuthenticationResponse({
      response: assertion,
      expectedChallenge: expected.challenge,
      expectedOrigin: expected.origin,
      expectedRPID: expected.rp_id,
      credential: registrationInfo.credential,
      requireUserVerification: true,
    });
    verdicts.push(verified);
  } catch {
    verdicts.push(false);
  }
}
console.log(JSON.stringify({ registration, assertion, cose: Buffer.from(registrationInfo.credential.publicKey).toString("base64url"), verdicts }));
