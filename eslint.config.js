import neostandard from 'neostandard'

export default [
  ...neostandard({ ts: true, noJsx: true, ignores: ['dist', '.tap', 'node_modules'] }),
  {
    rules: {
      'no-console': 'error',
      'no-redeclare': 'off'
    }
  }
]
