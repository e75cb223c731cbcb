// Counts the functions of lib that take a context object: a parameter whose type is an object of this project with more than eight fields.
// Each such function can reach more than it needs. Sessions and storages are ports; the options of a
// public function are its interface; and a report, a row or a message is what a function is about: none of these count.
import { relative } from 'node:path'

import ts from 'typescript'

const mostFields = 8
const mostFunctions = 15
const subjects =
  /^(Session|ReconnectingSession|KyselyHandle|LakeStorage|(Sync|Verify|Forget|Health|Export|Lake|Partition)Report|(Run|Probe)Row|ReportCards|RunProgress|LakeVersion|LakeState|Comparison|AlertMessage|Stats|(Sync|Verify|Watch|Alert|Health|Report|Server|Export|Lake|Partition)Options)$/

const { options, fileNames } = ts.getParsedCommandLineOfConfigFile('tsconfig.json', {}, ts.sys)
const program = ts.createProgram(fileNames, options)
const checker = program.getTypeChecker()
const found = []
for (const file of program.getSourceFiles()) {
  const path = relative('.', file.fileName)
  if (path.startsWith('lib/') && !path.includes('assets/')) visit(file, path)
}
for (const { place, type, fields } of found) console.log(`${place} takes ${type} (${fields} fields)`)
console.log(
  `${found.length} functions take a context object of more than ${mostFields} fields; at most ${mostFunctions}`,
)
if (found.length > mostFunctions) process.exitCode = 1

function visit(node, path) {
  if (ts.isFunctionLike(node) && node.body) {
    const [large] = node.parameters.flatMap((parameter) => largeType(parameter))
    if (large) {
      const { line } = node.getSourceFile().getLineAndCharacterOfPosition(node.getStart())
      const name =
        node.name?.getText() ??
        (ts.isVariableDeclaration(node.parent) ? node.parent.name.getText() : 'a function')
      found.push({ place: `${path}:${line + 1} ${name}`, ...large })
    }
  }
  ts.forEachChild(node, (child) => visit(child, path))
}

/** By its declared type: a `Pick` of few fields is narrow, whatever it picks from. */
function largeType(parameter) {
  const type = checker.getNonNullableType(checker.getTypeAtLocation(parameter))
  const name = parameter.type?.getText() ?? checker.typeToString(type)
  const isObject = (type.flags & ts.TypeFlags.Object) !== 0 || type.isIntersection()
  if (
    !isObject ||
    subjects.test(name) ||
    checker.isArrayType(type) ||
    checker.isTupleType(type) ||
    name.includes('[Place in') ||
    type.getCallSignatures().length > 0
  )
    return []
  const declared = (type.aliasSymbol ?? type.symbol)?.declarations?.[0]?.getSourceFile().fileName ?? ''
  if (name.startsWith('ServerResponse') || (declared.includes('node_modules') && !type.aliasTypeArguments))
    return []
  const fields = type.getProperties().length
  return fields > mostFields ? [{ type: name.replaceAll(/\s+/g, ' '), fields }] : []
}
