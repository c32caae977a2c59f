// Writes derivation.json: children of public keys as @scure/bip32, which shares no code with
// `chains`, derives them, and how far each child's private key is from its parent's.
//
//   npm install @scure/bip32@2.4.0 && node derivation.mjs > derivation.json

import { createHash } from 'node:crypto';
import { HDKey } from '@scure/bip32';

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const hex = (bytes) => Buffer.from(bytes).toString('hex');
const number = (bytes) => BigInt(`0x${hex(bytes)}`);
const seed = (name) => createHash('sha512').update(name).digest();

const paths = ['m', 'm/0', 'm/1', 'm/2147483647', 'm/0/5', 'm/44/118/0/0/7', 'm/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16'];

const cases = ['first', 'second', 'third'].flatMap((name) => {
  const root = HDKey.fromMasterSeed(seed(name));
  return paths.map((path) => {
    const child = root.derive(path);
    const tweak = (number(child.privateKey) - number(root.privateKey) + ORDER) % ORDER;
    return {
      root_public_key: hex(root.publicKey),
      root_chain_code: hex(root.chainCode),
      path,
      public_key: hex(child.publicKey),
      chain_code: hex(child.chainCode),
      fingerprint: child.fingerprint.toString(16).padStart(8, '0'),
      tweak: tweak.toString(16).padStart(64, '0'),
      xpub: child.publicExtendedKey,
    };
  });
});

console.log(JSON.stringify({ made_with: '@scure/bip32 2.4.0', cases }, null, 1));
