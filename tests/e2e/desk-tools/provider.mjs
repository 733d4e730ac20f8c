// A real OpenID provider for sign-in tests: node provider.mjs SETTINGS.json. Any password is good; who is in which group is in the settings:
// {modules, port, client: {id, secret}, redirects, key: kid, users: {login: [group…]}, claims_in_token}.
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const settings = JSON.parse(readFileSync(process.argv[2]));
const { default: Provider } = await import(pathToFileURL(join(settings.modules, 'oidc-provider/lib/index.js')));

const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
const provider = new Provider(`http://127.0.0.1:${settings.port}`, {
  clients: [{ client_id: settings.client.id, client_secret: settings.client.secret, redirect_uris: settings.redirects,
              response_types: ['code'], grant_types: ['authorization_code'] }],
  jwks: { keys: [{ ...key, use: 'sig', alg: 'RS256', kid: settings.key }] },
  cookies: { keys: ['of a test'] },
  pkce: { required: () => true },
  claims: { openid: ['sub'], profile: ['preferred_username'], groups: ['groups'] },
  scopes: ['openid', 'profile', 'groups'],
  conformIdTokenClaims: !settings.claims_in_token,
  findAccount: (context, id) => ({
    accountId: id,
    claims: () => ({ sub: id, preferred_username: id, groups: settings.users[id] ?? [] }),
  }),
});
provider.listen(settings.port, '127.0.0.1', () => console.log('ready'));
