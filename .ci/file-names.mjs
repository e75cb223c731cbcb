import { basename } from 'node:path'

const buckets = /^(utils?|helpers?|common|managers?|services?|types|misc)\b/

/** ESLint rule: a file is named in kebab-case after the one thing it owns, not after a drawer. */
export const fileNames = {
  meta: {
    type: 'suggestion',
    schema: [],
    messages: {
      case: '{{name}}: file names are kebab-case.',
      bucket: '{{name}}: name the file after the one thing it owns.',
    },
  },
  create(context) {
    const name = basename(context.physicalFilename)
    // test/types.test-d.ts tests types, it is no drawer of them.
    const isBucket = buckets.test(name) && !name.includes('.test')
    const messageId = isBucket ? 'bucket' : /^[a-z0-9]+([-.][a-z0-9]+)*$/.test(name) ? undefined : 'case'
    return { Program: (node) => messageId && context.report({ node, messageId, data: { name } }) }
  },
}
