"""Writes effects.json: calls of the token standards as eth-abi encodes them, and Solana messages as solders and its programs'
clients build them; with what each does. Neither shares code with `chains`.

    python3 -m venv venv && venv/bin/pip install eth-abi==5.2.0 'eth-hash[pycryptodome]==0.7.1' eth-utils==5.3.1 solders==0.29.0
    venv/bin/python effects.py > effects.json
"""

import hashlib
import importlib.metadata
import json
import struct

from eth_abi import encode
from eth_utils import keccak, to_checksum_address
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.message import Message, MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_ID
from solders.system_program import AdvanceNonceAccountParams, TransferParams, advance_nonce_account, transfer
from solders.token import ID as TOKEN_ID
from solders.token.associated import get_associated_token_address

ALICE, BOB, CAROL = (to_checksum_address("0x" + byte * 20) for byte in ("a1", "b0", "c4"))
MOST = 2**256 - 1


def call(signature, values, effects):
    types = signature[signature.index("(") + 1 : -1].split(",")
    data = keccak(text=signature)[:4] + encode(types, values)
    if types[-1] == "bytes" and values[-1]:
        # What the receiver is told may be an order, so that it is no plain transfer.
        effects = [f"calls function 0x{data[:4].hex()} of {{contract}} with input 0x{keccak(data).hex()}"]
    return {"signature": signature, "data": data.hex(), "effects": effects}


def calls():
    token, item = "of token {contract}", "of item {} of collection {{contract}}".format
    yield call("transfer(address,uint256)", [BOB, 5], [f"pays 5 {token} to {BOB}"])
    yield call("transferFrom(address,address,uint256)", [ALICE, BOB, 7], [f"moves 7 {token} from {ALICE} to {BOB}"])
    yield call("approve(address,uint256)", [CAROL, MOST], [f"lets {CAROL} take up to {MOST} {token}"])
    yield call("increaseAllowance(address,uint256)", [CAROL, 2], [f"lets {CAROL} take up to 2 more {token}"])
    everything = f"lets {CAROL} take everything of collection {{contract}}"
    yield call("setApprovalForAll(address,bool)", [CAROL, True], [everything])
    yield call("setApprovalForAll(address,bool)", [CAROL, False], ["no longer " + everything])
    moved = [f"moves 1 {item(9)} from {ALICE} to {BOB}"]
    yield call("safeTransferFrom(address,address,uint256)", [ALICE, BOB, 9], moved)
    for data in (b"", b"x", b"y" * 32, b"z" * 33):
        yield call("safeTransferFrom(address,address,uint256,bytes)", [ALICE, BOB, 9, data], moved)
        several = [f"moves 3 {item(9)} from {ALICE} to {BOB}"]
        yield call("safeTransferFrom(address,address,uint256,uint256,bytes)", [ALICE, BOB, 9, 3, data], several)
        batch = "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)"
        yield call(batch, [ALICE, BOB, [9, 10], [3, 4], data], several + [f"moves 4 {item(10)} from {ALICE} to {BOB}"])
        yield call(batch, [ALICE, BOB, [], [], data], [])


TOKEN_2022_ID = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
ASSOCIATED_TOKEN_ID = Pubkey.from_string("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")


def token(kind, amount, decimals, *accounts):
    return token_call(TOKEN_ID, struct.pack("<BQB", kind, amount, decimals), *accounts)


ENTRY_POINT = "0x0000000071727De22E5E9d8BAf0edAc6f37da032"
FIELDS = "address,uint256,{0},{0},bytes32,uint256,bytes32,{0}"


def selected(signature, types, values):
    return keccak(text=signature)[:4] + encode(types, values)


def user_operation(name, call_data, effects, nonce=7, chain_id=1, init_code=b"", gas=(100, 200, 300), fees=(1, 2), paymaster=b""):
    """The payload, and the hash as `UserOperationLib.hash` and `EntryPoint.getUserOpHash` of version 0.7 compute it."""
    verification, call_gas, pre_verification = gas
    limits, prices = ((high << 128 | low).to_bytes(32, "big") for high, low in ((verification, call_gas), fees))
    values = [CAROL, nonce, init_code, call_data, limits, pre_verification, prices, paymaster]
    payload = encode([f"({FIELDS.format('bytes')})", "address", "uint256"], [tuple(values), ENTRY_POINT, chain_id])
    hashed = [keccak(value) if index in (2, 3, 7) else value for index, value in enumerate(values)]
    packed = keccak(encode(FIELDS.format("bytes32").split(","), hashed))
    digest = keccak(encode(["bytes32", "address", "uint256"], [packed, ENTRY_POINT, chain_id]))
    return {
        "name": name,
        "payload": payload.hex(),
        "hash": digest.hex(),
        "signing_hash": keccak(b"\x19Ethereum Signed Message:\n32" + digest).hex(),
        "sender": CAROL,
        "chain_id": chain_id,
        "nonce": str(nonce),
        "effects": effects,
    }


def user_operations():
    fee = "costs up to 1200 wei"
    called = lambda contract, data: f"calls function 0x{data[:4].hex()} of {contract} with input 0x{keccak(data).hex()}"
    transfer_data = selected("transfer(address,uint256)", ["address", "uint256"], [ALICE, 5])
    token = f"pays 5 of token {BOB} to {ALICE}"
    yield user_operation("nothing", b"", [fee])
    yield user_operation("large numbers", b"", ["costs up to 340282366920938463463374607431768211450 wei"], nonce=MOST,
                         chain_id=2**63 - 37, gas=(2**127, 2**127 - 10, 4), fees=(0, 1))
    for value, data, effects in (
        (5, b"", [f"pays 5 wei to {BOB}"]),
        (0, transfer_data, [token]),
        (9, transfer_data, [f"pays 9 wei to {BOB}", token]),
        (0, transfer_data[:-1], [called(BOB, transfer_data[:-1])]),
    ):
        execute = selected("execute(address,uint256,bytes)", ["address", "uint256", "bytes"], [BOB, value, data])
        yield user_operation("execute", execute, [*effects, fee])
    arrays = ["address[]", "uint256[]", "bytes[]"]
    for batch in ([], [(BOB, 1, b"")], [(BOB, 1, b""), (BOB, 0, transfer_data), (ALICE, 2, b"x" * 33)]):
        effects = []
        for to, value, data in batch:
            effects += [f"pays {value} wei to {to}"] if value else []
            effects += [token if data == transfer_data else called(to, data)] if data else []
        columns = [list(column) for column in zip(*batch)] or [[], [], []]
        data = selected("executeBatch(address[],uint256[],bytes[])", arrays, columns)
        yield user_operation("batch in arrays", data, [*effects, fee])
        data = selected("executeBatch((address,uint256,bytes)[])", ["(address,uint256,bytes)[]"], [batch])
        yield user_operation("batch in structs", data, [*effects, fee])
    uneven = selected("executeBatch(address[],uint256[],bytes[])", arrays, [[BOB], [], [b"x"]])
    for name, data in (("uneven batch", uneven), ("unknown function", b"\1\2\3\4 and more"), ("trailing", execute + b"\0" * 32)):
        yield user_operation(name, data, [called(CAROL, data), fee])
    factory = bytes.fromhex(ALICE[2:])
    yield user_operation("factory", b"", [called(ALICE, b"make!"), fee], init_code=factory + b"make!")
    yield user_operation("factory alone", b"", [f"calls {ALICE} with input 0x{keccak(b'').hex()}", fee], init_code=factory)
    paymaster = bytes.fromhex(BOB[2:]) + (50).to_bytes(16, "big") + (60).to_bytes(16, "big")
    yield user_operation("paymaster", b"", [called(BOB, b"paid")], paymaster=paymaster + b"paid")
    yield user_operation("paymaster alone", b"", [f"calls {BOB} with input 0x{keccak(b'').hex()}"], paymaster=paymaster)


def token_call(program, data, *accounts):
    keys = [AccountMeta(account, is_signer=False, is_writable=True) for account in accounts[:-1]]
    keys.append(AccountMeta(accounts[-1], is_signer=True, is_writable=False))
    return Instruction(program, data, keys)


def associated(data, payer, account, owner, mint, program):
    keys = [AccountMeta(payer, is_signer=True, is_writable=True), AccountMeta(account, is_signer=False, is_writable=True)]
    others = [owner, mint, SYSTEM_ID, program]
    keys += [AccountMeta(other, is_signer=False, is_writable=False) for other in others]
    return Instruction(ASSOCIATED_TOKEN_ID, data, keys)


def messages():
    signer, bob, mint, account = (Pubkey(bytes([number]) * 32) for number in (7, 8, 9, 10))
    pay = transfer(TransferParams(from_pubkey=signer, to_pubkey=bob, lamports=5))
    checked = token(12, 6, 2, account, mint, bob, signer)
    cases = [
        ([pay], signer, [f"pays 5 lamports to {bob}", "costs up to 5000 lamports"], None),
        ([pay], bob, [f"pays 5 lamports to {bob}"], None),
        (
            [set_compute_unit_limit(1000), set_compute_unit_price(1500), pay],
            signer,
            [f"pays 5 lamports to {bob}", "costs up to 5002 lamports"],
            None,
        ),
        ([set_compute_unit_price(1_000_000)], signer, ["costs up to 1405000 lamports"], None),
        (
            [checked],
            signer,
            [f"moves 6 of token {mint} from {account} to {bob}", "costs up to 5000 lamports"],
            None,
        ),
        (
            [token(13, 6, 2, account, mint, bob, signer)],
            signer,
            [f"lets {bob} take up to 6 of token {mint}", "costs up to 5000 lamports"],
            None,
        ),
    ]
    advance = advance_nonce_account(AdvanceNonceAccountParams(nonce_pubkey=account, authorized_pubkey=signer))
    cases.append(([advance, pay], signer, [f"pays 5 lamports to {bob}", "costs up to 5000 lamports"], account))
    fee = "costs up to 5000 lamports"
    with_fee = struct.pack("<BBQBQ", 26, 1, 6, 2, 1)
    moved = f"moves 6 of token {mint} from {account} to {bob}"
    cases.append(([token_call(TOKEN_2022_ID, with_fee, account, mint, bob, signer)], signer, [moved, fee], None))
    unknown = f"calls {TOKEN_ID} with input 0x{hashlib.sha256(with_fee).hexdigest()}"
    cases.append(([token_call(TOKEN_ID, with_fee, account, mint, bob, signer)], signer, [unknown, fee], None))
    for program in (TOKEN_ID, TOKEN_2022_ID):
        for owner, named in ((bob, str(bob)), (signer, "the signer")):
            address = get_associated_token_address(owner, mint, program)
            opened = f"opens account {address} of {named} for token {mint} at the cost of the signer"
            for data in (b"", b"\0", b"\1"):
                cases.append(([associated(data, signer, address, owner, mint, program)], signer, [opened, fee], None))
            unknown = f"calls {ASSOCIATED_TOKEN_ID} with input 0x{hashlib.sha256(b'').hexdigest()}"
            cases.append(([associated(b"", signer, bob, owner, mint, program)], signer, [unknown, fee], None))
    for instructions, payer, effects, nonce in cases:
        message = Message.new_with_blockhash(instructions, payer, Hash.default())
        yield {
            "message": bytes(message).hex(),
            "signer": bytes(signer).hex(),
            "effects": effects,
            "durable_nonce": nonce and str(nonce),
        }


def lookups():
    """Messages that take accounts from tables, and what solders makes of the accounts."""
    signer, bob, mint, account = (Pubkey(bytes([number]) * 32) for number in (7, 8, 9, 10))
    tables = [
        AddressLookupTableAccount(Pubkey(bytes([50]) * 32), [Pubkey(bytes([number]) * 32) for number in (60, 8, 61)]),
        AddressLookupTableAccount(Pubkey(bytes([51]) * 32), [account, mint]),
    ]
    pay = transfer(TransferParams(from_pubkey=signer, to_pubkey=bob, lamports=5))
    checked = token(12, 6, 2, account, mint, bob, signer)
    message = MessageV0.try_compile(signer, [pay, checked], tables, Hash.default())
    effects = [f"pays 5 lamports to {bob}", f"moves 6 of token {mint} from {account} to {bob}", "costs up to 5000 lamports"]
    yield {
        "message": to_bytes_versioned(message).hex(),
        "signer": bytes(signer).hex(),
        "tables": [[bytes(key).hex() for key in [table.key, *table.addresses]] for table in tables],
        "effects": effects,
    }


def token_accounts():
    for number in range(64):
        owner, mint = (Pubkey(hashlib.sha256(bytes([number, part])).digest()) for part in (0, 1))
        accounts = [get_associated_token_address(owner, mint, program) for program in (TOKEN_ID, TOKEN_2022_ID)]
        yield {"owner": bytes(owner).hex(), "mint": bytes(mint).hex(), "accounts": [str(account) for account in accounts]}


versions = {name: importlib.metadata.version(name) for name in ("eth-abi", "eth-utils", "solders")}
made = {"ethereum": list(calls()), "solana": list(messages()), "user_operations": list(user_operations()), "lookups": list(lookups()), "token_accounts": list(token_accounts())}
print(json.dumps({"made_with": versions, **made}, indent=1))
