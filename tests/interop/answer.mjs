// Answers questions about our bytes with implementations that are not ours.
//
//   node answer.mjs <<< '[{"ask": "jose.verify", …}]'      one JSON list in, one JSON list out
//
// Bytes travel as base64url. An answer is {"ok": …} or {"refused": reason}.

import { CipherSuite as HpkeJsSuite, Aes256Gcm, HkdfSha256 } from '@hpke/core'
import { XWing } from '@hpke/hybridkem-x-wing'
import { ml_dsa65 } from '@noble/post-quantum/ml-dsa.js'
import * as hpke from 'hpke'
import * as jose from 'jose'
import { readFileSync } from 'node:fs'

process.removeAllListeners('warning') // "experimental" WebCrypto algorithms say so each time

const bytes = (text) => new Uint8Array(Buffer.from(text, 'base64url'))
const text = (data) => Buffer.from(data).toString('base64url')

const KEM = {
  X25519: [hpke.KEM_DHKEM_X25519_HKDF_SHA256, 32],
  'MLKEM768-X25519': [hpke.KEM_MLKEM768_X25519, 1120],
}
const suite = (name) =>
  new hpke.CipherSuite(KEM[name][0], hpke.KDF_HKDF_SHA256, hpke.AEAD_AES_256_GCM)

const answers = {
  async 'jose.verify'({ jws, jwk, alg }) {
    const key = await jose.importJWK(jwk, alg)
    const found = await jose.compactVerify(jws, key, { algorithms: [alg] })
    return { header: found.protectedHeader, payload: text(found.payload) }
  },
  async 'jose.sign'({ payload, header, jwk }) {
    const key = await jose.importJWK(jwk, header.alg)
    return new jose.CompactSign(bytes(payload)).setProtectedHeader(header).sign(key)
  },
  async 'noble.verify'({ signature, message, key }) {
    return ml_dsa65.verify(bytes(signature), bytes(message), bytes(key))
  },
  async 'noble.keys'({ seed }) {
    return text(ml_dsa65.keygen(bytes(seed)).publicKey)
  },
  async 'noble.sign'({ message, seed }) {
    return text(ml_dsa65.sign(bytes(message), ml_dsa65.keygen(bytes(seed)).secretKey))
  },
  async 'hpke.open'({ kem, body, key, info }) {
    const all = bytes(body)
    const own = await suite(kem).DeserializePrivateKey(bytes(key))
    const [enc, sealed] = [all.slice(0, KEM[kem][1]), all.slice(KEM[kem][1])]
    return text(await suite(kem).Open(own, enc, sealed, { info: bytes(info) }))
  },
  async 'hpke.seal'({ kem, plaintext, key, info }) {
    const other = await suite(kem).DeserializePublicKey(bytes(key))
    const made = await suite(kem).Seal(other, bytes(plaintext), { info: bytes(info) })
    return text(Buffer.concat([made.encapsulatedSecret, made.ciphertext]))
  },
  // A second one, in JavaScript alone: its KEM is X-Wing, its key a seed of 32 bytes.
  async 'xwing.open'({ body, key, info }) {
    const all = bytes(body)
    const own = new HpkeJsSuite({ kem: new XWing(), kdf: new HkdfSha256(), aead: new Aes256Gcm() })
    const recipientKey = await own.kem.deserializePrivateKey(bytes(key))
    const enc = all.slice(0, 1120)
    const context = await own.createRecipientContext({ recipientKey, enc, info: bytes(info) })
    return text(new Uint8Array(await context.open(all.slice(1120))))
  },
}

const given = []
for (const question of JSON.parse(readFileSync(0, 'utf8'))) {
  try {
    given.push({ ok: await answers[question.ask](question) })
  } catch (error) {
    given.push({ refused: `${error.code ?? error.name}: ${error.message}` })
  }
}
process.stdout.write(JSON.stringify(given))
