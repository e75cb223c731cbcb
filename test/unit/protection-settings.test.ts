import { expect, it } from 'vitest'

import { protectionOf } from '../../bin/flags/protection-settings.js'

const settings = {
  CHATWOOT_SYNC_EXCLUDE_COLUMNS: 'contact_identifier, labels',
  CHATWOOT_SYNC_HASH_COLUMNS: 'contact_email',
  CHATWOOT_SYNC_MASK_COLUMNS: '',
  CHATWOOT_SYNC_MESSAGE_TEXTS: 'false',
  CHATWOOT_SYNC_HASH_SECRET: 'a secret of the tests',
}

it('settings protect without a flag, so that all commands protect the same', () => {
  expect(protectionOf({ messageTexts: true }, settings)).toEqual({
    columns: { exclude: ['contact_identifier', 'labels'], hash: ['contact_email'], mask: undefined },
    hashSecret: 'a secret of the tests',
    messageTexts: false,
  })
})

it('flags and settings protect together', () => {
  const flags = { messageTexts: true, excludeColumn: ['labels'], maskColumn: ['contact_name'] }
  expect(protectionOf(flags, settings).columns).toEqual({
    exclude: ['labels', 'contact_identifier'],
    hash: ['contact_email'],
    mask: ['contact_name'],
  })
  expect(protectionOf({ messageTexts: false }, { CHATWOOT_SYNC_MESSAGE_TEXTS: 'true' })).toEqual({
    columns: undefined,
    hashSecret: undefined,
    messageTexts: false,
  })
})

it('keys of json columns are named by flags and settings', () => {
  const keysOf = (keepKeys: Record<string, string[]>, setting: string) =>
    protectionOf({ messageTexts: true, keepKeys }, { CHATWOOT_SYNC_KEEP_KEYS: setting }).columns?.keepKeys
  expect(keysOf({}, ' custom_attributes = plan, city ,plan; agents=a=b;')).toEqual({
    custom_attributes: ['plan', 'city'],
    agents: ['a=b'],
  })
  const both = { custom_attributes: ['plan', 'city'] }
  expect(keysOf(both, 'contact_custom_attributes=city;custom_attributes=city,plan')).toEqual({
    custom_attributes: ['city', 'plan'],
    contact_custom_attributes: ['city'],
  })
  for (const wrong of ['custom_attributes', 'custom_attributes=,', '=plan', 'custom_attributes=city']) {
    expect(() => keysOf(both, wrong), wrong).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  }
})

it('a word that is neither true nor false is not taken for either', () => {
  expect(() => protectionOf({ messageTexts: true }, { CHATWOOT_SYNC_MESSAGE_TEXTS: 'no' })).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID' }),
  )
})
