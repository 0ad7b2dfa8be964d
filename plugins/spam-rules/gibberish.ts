/**
 * Is this word a word? Made-up letter rows such as "xkqzjvbt" hold pairs of letters that hardly any language of Latin script has.
 * The table is a plain list of such pairs, judged by hand over English, German, French, Spanish, Italian, Dutch, Polish and Turkish.
 */

const RARE = new Set(
  (
    'bf bg bk bq bw bx bz cb cf cg cj cm cp cv cw cx dq dx fb fc fd fg fh fj fk fp fq fv fw fx fz gb gc gf gj gk gp gq gv gx hb hc hd hf hg hj ' +
    'hk hp hq hv hx hz jb jc jd jf jg jh jj jk jl jm jn jp jq jr js jt jv jw jx jy jz kb kc kd kf kg kj kp kq kv kx kz lq lx mf mg mj mk mq ' +
    'mv mw mx mz pb pc pd pf pg pj pk pq pv pw px pz qa qb qc qd qe qf qg qh qi qj qk ql qm qn qo qp qq qr qs qt qv qw qx qy qz rx sx tb tg ' +
    'tj tk tq tv tx vb vc vd vf vg vh vj vk vl vm vn vp vq vt vv vw vx vz wb wc wd wf wg wj wk wm wp wq wt wu wv ww wx xb xd xf xg xj xk xl ' +
    'xm xn xq xr xv xw xx xz yj yq yv yx zb zc zd zf zg zj zk zm zn zp zq zr zs zt zv zw zx'
  ).split(' '),
)

/** Looks at plain Latin words of 8 to 40 letters: a third of the pairs, and at least three, must be rare. */
export function isGibberish(word: string): boolean {
  if (word.length < 8 || word.length > 40 || !/^[a-z]+$/i.test(word)) return false
  const letters = word.toLowerCase()
  let rare = 0
  for (let at = 0; at + 1 < letters.length; at++) if (RARE.has(letters.slice(at, at + 2))) rare++
  return rare >= 3 && rare >= (letters.length - 1) / 3
}
