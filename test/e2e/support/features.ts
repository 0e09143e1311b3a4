/** What a module uses of the language and of the browser, read off its code. */

import { parseSync } from 'oxc-parser'

/** What a module uses. */
export interface Features {
  /** Names that it does not declare, such as `fetch`. */
  globals: Set<string>
  /** Members, such as `at`, or `AbortSignal.any` where they are read from a global. */
  members: Set<string>
  /** Newer syntax, as paths below `javascript` in browser-compat-data, such as `operators.optional_chaining`. */
  syntax: Set<string>
  /** Syntax that is in no list here. */
  unknown: Set<string>
}

/** A node of ESTree. */
interface Node {
  type: string
  [member: string]: unknown
}

/** Syntax of ECMAScript 2017, in every browser with modules. `Property` and others can be newer, see below. */
const OLD = new Set(
  `Program ExpressionStatement BlockStatement EmptyStatement ReturnStatement LabeledStatement BreakStatement
  ContinueStatement IfStatement SwitchStatement SwitchCase ThrowStatement TryStatement CatchClause WhileStatement
  DoWhileStatement ForStatement ForInStatement ForOfStatement FunctionDeclaration VariableDeclaration VariableDeclarator
  ThisExpression ArrayExpression ObjectExpression Property FunctionExpression UnaryExpression UpdateExpression
  BinaryExpression AssignmentExpression LogicalExpression MemberExpression ConditionalExpression CallExpression
  NewExpression SequenceExpression ArrowFunctionExpression YieldExpression AwaitExpression TemplateLiteral
  TaggedTemplateExpression TemplateElement SpreadElement RestElement ObjectPattern ArrayPattern AssignmentPattern
  ClassDeclaration ClassExpression ClassBody MethodDefinition Super MetaProperty ImportDeclaration ImportSpecifier
  ImportDefaultSpecifier ImportNamespaceSpecifier ExportNamedDeclaration ExportSpecifier ExportDefaultDeclaration
  ExportAllDeclaration Identifier Literal ParenthesizedExpression ChainExpression PrivateIdentifier PropertyDefinition
  ImportExpression ImportAttribute StaticBlock`.split(/\s+/),
)

/** Newer syntax: each rule says when a node is it. */
const NEWER: readonly [path: string, is: (node: Node, parent: Node) => unknown][] = [
  ['operators.optional_chaining', ({ type }) => type === 'ChainExpression'],
  ['operators.nullish_coalescing', ({ operator }) => operator === '??'],
  ['operators.nullish_coalescing_assignment', ({ operator }) => operator === '??='],
  ['operators.logical_or_assignment', ({ operator }) => operator === '||='],
  ['operators.logical_and_assignment', ({ operator }) => operator === '&&='],
  ['operators.import', ({ type }) => type === 'ImportExpression'],
  [
    'operators.import_meta',
    (node) => node.type === 'MetaProperty' && nameOf(node['meta']) === 'import',
  ],
  ['operators.spread.spread_in_object_literals', inside('SpreadElement', 'ObjectExpression')],
  ['operators.destructuring.rest_in_objects', inside('RestElement', 'ObjectPattern')],
  ['operators.async_generator_function', (node) => node['async'] && node['generator']],
  ['statements.for_await_of', (node) => node.type === 'ForOfStatement' && node['await']],
  [
    'statements.try_catch.optional_catch_binding',
    (node) => node.type === 'CatchClause' && !node['param'],
  ],
  [
    'statements.export.namespace',
    (node) => node.type === 'ExportAllDeclaration' && node['exported'],
  ],
  ['statements.import.import_attributes', ({ attributes }) => (attributes as unknown[])?.length],
  ['statements.using', ({ kind }) => kind === 'using'],
  ['statements.await_using', ({ kind }) => kind === 'await using'],
  [
    'classes.public_class_fields',
    (node) => node.type === 'PropertyDefinition' && !isPrivate(node['key']),
  ],
  [
    'classes.private_class_fields',
    (node) => node.type === 'PropertyDefinition' && isPrivate(node['key']),
  ],
  [
    'classes.private_class_methods',
    (node) => node.type === 'MethodDefinition' && isPrivate(node['key']),
  ],
  [
    'classes.private_class_fields_in',
    (node) => node.type === 'BinaryExpression' && isPrivate(node['left']),
  ],
  ['classes.static.initialization_blocks', ({ type }) => type === 'StaticBlock'],
  ['builtins.BigInt', (node) => node['bigint']],
  ['builtins.RegExp.dotAll', hasFlag('s')],
  ['builtins.RegExp.hasIndices', hasFlag('d')],
  ['builtins.RegExp.unicodeSets', hasFlag('v')],
  ['regular_expressions.lookbehind_assertion', hasPattern(/\(\?<[=!]/)],
  ['regular_expressions.named_capturing_group', hasPattern(/\(\?<\w/)],
  ['regular_expressions.unicode_character_class_escape', hasPattern(/\\p\{/i)],
  ['regular_expressions.modifier', hasPattern(/\(\?[a-z-]+:/)],
]

const FUNCTION = /Function|^StaticBlock$/

/** Reads the features off a module. */
export function readFeatures(code: string): Features {
  const { program, errors } = parseSync('module.mjs', code)
  if (errors[0]) throw new Error(errors[0].message)
  const declared = new Set<string>()
  const names = new Set<string>()
  const found = {
    members: new Set<string>(),
    syntax: new Set<string>(),
    unknown: new Set<string>(),
  }

  const walk = (node: Node, parent: Node, role: string, isInFunction: boolean): void => {
    if (!OLD.has(node.type)) found.unknown.add(node.type)
    for (const [path, is] of NEWER) if (is(node, parent)) found.syntax.add(path)
    const waits =
      node.type === 'AwaitExpression' || (node.type === 'ForOfStatement' && node['await'])
    if (waits && !isInFunction) found.syntax.add('operators.await.top_level')
    if (node.type === 'Identifier' && isReference(parent, role)) names.add(nameOf(node))
    for (const name of declaredBy(node)) declared.add(name)
    for (const name of membersOf(node)) found.members.add(name)
    const inner = isInFunction || FUNCTION.test(node.type)
    for (const [member, value] of Object.entries(node))
      for (const child of [value].flat()) if (isNode(child)) walk(child, node, member, inner)
  }
  walk(program as unknown as Node, { type: '' }, '', false)
  const isGlobal = (name: string): boolean =>
    !declared.has(name) && name !== 'arguments' && name !== 'undefined'
  const members = [...found.members].map((path) => {
    const [owner = '', name = ''] = path.split('.')
    return owner && isGlobal(owner) ? path : name
  })
  return { ...found, members: new Set(members), globals: new Set([...names].filter(isGlobal)) }
}

/** Whether an identifier stands for a value: it is no key, and no name of another module. */
function isReference(parent: Node, role: string): boolean {
  if (role === 'property' || role === 'key') return parent['computed'] === true
  return !/^(imported|exported|label|meta)$/.test(role)
}

/** The names that a node declares, wherever they hold: minified names hide no global in practice. */
function declaredBy(node: Node): string[] {
  if (FUNCTION.test(node.type)) return [node['id'], ...list(node['params'])].flatMap(namesIn)
  if (/^Class|^VariableDeclarator$/.test(node.type)) return namesIn(node['id'])
  if (node.type === 'CatchClause') return namesIn(node['param'])
  return /^Import.*Specifier$/.test(node.type) ? namesIn(node['local']) : []
}

/** The names in a pattern. */
function namesIn(pattern: unknown): string[] {
  if (!isNode(pattern)) return []
  if (pattern.type === 'Identifier') return [nameOf(pattern)]
  const { properties, elements, value, left, argument } = pattern
  return [list(properties), list(elements), value, left, argument].flat().flatMap(namesIn)
}

/** The members that a node reads: `owner.name` where the owner is a name, else `.name`. A constructor is called like its class. */
function membersOf(node: Node): string[] {
  const { object, property, computed, id, init, callee, type } = node
  if (type === 'NewExpression' && nameOf(callee)) return [`${nameOf(callee)}.${nameOf(callee)}`]
  if (type === 'MemberExpression' && !computed && !isPrivate(property))
    return [`${nameOf(object)}.${nameOf(property)}`]
  if (type === 'VariableDeclarator') return keysOf(id).map((key) => `${nameOf(init)}.${key}`)
  return FUNCTION.test(type)
    ? list(node['params'])
        .flatMap(keysOf)
        .map((key) => `.${key}`)
    : []
}

/** The keys that a pattern takes out of an object. */
function keysOf(pattern: unknown): string[] {
  if (!isNode(pattern)) return []
  const inner = pattern.type === 'AssignmentPattern' ? (pattern['left'] as Node) : pattern
  return list(inner['properties']).flatMap((one) => nameOf((one as Node)['key']) || [])
}

function inside(type: string, parentType: string) {
  return (node: Node, parent: Node): boolean => node.type === type && parent.type === parentType
}

function hasFlag(flag: string) {
  return ({ regex }: Node): unknown =>
    (regex as { flags: string } | undefined)?.flags.includes(flag)
}

function hasPattern(pattern: RegExp) {
  return ({ regex }: Node): unknown => regex && pattern.test((regex as { pattern: string }).pattern)
}

function isPrivate(node: unknown): boolean {
  return isNode(node) && node.type === 'PrivateIdentifier'
}

function nameOf(node: unknown): string {
  return isNode(node) && node.type === 'Identifier' ? String(node['name']) : ''
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Node).type === 'string'
}
