// Writes bitcoin_golden.json: PSBTs with Taproot key path inputs (BIP-86) that bitcoinjs-lib, which
// shares no code with `chains`, has built, signed, finished and extracted.
//
//   npm install bitcoinjs-lib@7.0.0 @bitcoinerlab/secp256k1@1.2.0 && node bitcoin_golden.cjs > bitcoin_golden.json

const { createHash } = require('node:crypto');
const ecc = require('@bitcoinerlab/secp256k1');
const bitcoin = require('bitcoinjs-lib');

bitcoin.initEccLib(ecc);
const hex = (bytes) => Buffer.from(bytes).toString('hex');
const sha256 = (text) => createHash('sha256').update(text).digest();

// A signer with the key of an output: the internal key with the empty tweak.
function wallet(name) {
  let secret = sha256(name);
  const point = ecc.pointFromScalar(secret, true);
  if (point[0] === 3) secret = ecc.privateNegate(secret);
  const internal = point.slice(1);
  const tweaked = ecc.privateAdd(secret, bitcoin.crypto.taggedHash('TapTweak', internal));
  const output = ecc.pointFromScalar(tweaked, true);
  return {
    internal,
    output: output.slice(1),
    publicKey: output,
    signSchnorr: (digest) => ecc.signSchnorr(digest, tweaked, Buffer.alloc(32)),
    sign: () => { throw new Error('not ECDSA'); },
  };
}

const ours = wallet('ours');
const script = bitcoin.payments.p2tr({ internalPubkey: ours.internal }).output;
const { SIGHASH_DEFAULT, SIGHASH_ALL } = bitcoin.Transaction;

function build(name, { inputs, outputs, version = 2, locktime = 0 }) {
  const psbt = new bitcoin.Psbt();
  psbt.setVersion(version);
  psbt.setLocktime(locktime);
  inputs.forEach(({ value, sighashType, named = true, sequence }, i) => {
    const input = { hash: sha256(`${name} ${i}`), index: i, sequence, witnessUtxo: { script, value } };
    if (named) input.tapInternalKey = ours.internal;
    if (sighashType !== undefined) input.sighashType = sighashType;
    psbt.addInput(input);
  });
  outputs.forEach(([script, value]) => psbt.addOutput({ script: Buffer.from(script, 'hex'), value }));
  return psbt;
}

function golden(name, description) {
  const psbt = build(name, description);
  const unsigned = hex(psbt.toBuffer());
  const count = description.inputs.length;
  const values = description.inputs.map(({ value }) => value);
  const transaction = bitcoin.Transaction.fromBuffer(psbt.data.globalMap.unsignedTx.toBuffer());
  const types = description.inputs.map(({ sighashType }) => sighashType ?? SIGHASH_DEFAULT);
  const sighashes = types.map((type, i) =>
    hex(transaction.hashForWitnessV1(i, Array(count).fill(script), values, type)));
  const signatures = sighashes.map((digest) => hex(ours.signSchnorr(Buffer.from(digest, 'hex'))));
  signatures.forEach((signature, i) => {
    const bytes = Buffer.from(signature, 'hex');
    const tapKeySig = types[i] === SIGHASH_ALL ? Buffer.concat([bytes, Buffer.from([1])]) : bytes;
    psbt.updateInput(i, { tapKeySig });
  });
  const signed = hex(psbt.toBuffer());
  psbt.finalizeAllInputs();
  const extracted = psbt.extractTransaction(true);
  const paid = description.outputs.reduce((sum, [, value]) => sum + value, 0n);
  return {
    name,
    unsigned,
    sighash_types: types,
    sighashes,
    signatures,
    signed,
    transaction: hex(extracted.toBuffer()),
    txid: extracted.getId(),
    fee: Number(values.reduce((sum, value) => sum + value, 0n) - paid),
  };
}

const p2wpkh = '0014' + '22'.repeat(20);
const p2pkh = '76a914' + '33'.repeat(20) + '88ac';
const cases = {
  'one input': { inputs: [{ value: 100000n }], outputs: [[p2wpkh, 90000n]] },
  'several inputs and change': {
    inputs: [{ value: 100000n }, { value: 250000n }, { value: 1n, sequence: 0xfffffffd }],
    outputs: [[p2wpkh, 300000n], [hex(script), 49000n], ['6a0568656c6c6f', 0n]],
  },
  'every sighash type': {
    inputs: [{ value: 70000n, sighashType: SIGHASH_ALL }, { value: 30000n }],
    outputs: [[p2pkh, 99000n]],
  },
  'without internal key': {
    inputs: [{ value: 70000n, named: false, sequence: 144 }],
    outputs: [[p2wpkh, 69000n]],
    version: 3,
    locktime: 800000,
  },
  'three hundred outputs': {
    inputs: [{ value: 2100000000000000n }],
    outputs: Array.from({ length: 300 }, (_, i) => [p2wpkh, 1000n + BigInt(i)]).concat([[p2wpkh, 2099999999000000n]]),
  },
};

const address = (network) => bitcoin.address.fromOutputScript(script, network);
console.log(JSON.stringify({
  made_with: 'bitcoinjs-lib 7.0.0',
  internal_key: hex(ours.internal),
  output_key: hex(ours.output),
  addresses: {
    bitcoin: address(bitcoin.networks.bitcoin),
    testnet: address(bitcoin.networks.testnet),
    regtest: address(bitcoin.networks.regtest),
  },
  cases: Object.entries(cases).map(([name, description]) => golden(name, description)),
}, null, 1));
