/** Names that machines draw, and those of people and firms of many tongues that look odd to others. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isDrawnLabel, isDrawnLocal } from '../../../core/text/index.js'

describe('names that machines draw', () => {
  for (const label of ['xkqzjvbt', 'd5pvjttquw', 'lrnpd0axu1', 'ni0q28l5k6', 'mrjlzkpovxxsljrc'])
    test(`${label} looks drawn`, () => assert.ok(isDrawnLabel(label)))
  for (const label of [
    'wikipedia',
    'schwarzwald',
    'knightsbridge',
    'tu-chemnitz',
    'rhythms',
    'b2b',
    '4711',
    'xn--bcher-kva',
    'strcprstskrzkrk'.slice(0, 6),
    // Names of people, of many tongues.
    ...'krzysztof szymczak szczygiel skrzypczak brzeszcz ctvrtek vrhnjak hrvoje crnkovic schwarzkopf'.split(' '),
    ...'quynhnhu phuonglinh qiuzhijie xiexiaoqing hjalmtyr thorbjornsen bvdkraats ijsselmuiden'.split(' '),
  ])
    test(`${label} does not`, () => assert.ok(!isDrawnLabel(label)))
  for (const local of ['qwzxkjvbnt', 'a1b2c3d4e5'])
    test(`the local part ${local} looks drawn`, () => assert.ok(isDrawnLocal(local)))
  for (const local of [
    'john.smith1970',
    'sunny04sam',
    'reply+7f3a9c2e1d4b',
    'bounce=a1b2c3d4',
    'mjcarey',
    'postmaster',
  ])
    test(`the local part ${local} does not`, () => assert.ok(!isDrawnLocal(local)))
})
