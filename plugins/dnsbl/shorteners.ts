/**
 * Hosts that stand in front of other addresses: what a short link leads to is not asked there, as nothing is ever visited; lists of
 * short links are asked about it. Written for Posthouse. Services where every link belongs to the company itself (youtu.be, aka.ms)
 * hide nothing and are left out.
 */
import { domainTest } from './host.js'

const KNOWN = `
2u.pw 4.fo abre.ai acesse.one acortar.link adf.ly bc.vc bit.do bit.ly bitly.com bitly.is bitly.ws bl.ink bom.so budurl.com buff.ly buly.kr
chilp.it clck.ru cli.gs clk.ink cort.as cutt.ly cutt.us dft.ba dlvr.it dub.sh encr.pw encurtador.com.br exe.io gg.gg goo.gl goo.su han.gl
href.li hyperurl.co ift.tt is.gd ity.im j.mp kutt.it l.ead.me l8.nu lihi.cc lihi1.com linksplit.io lnk.to lnkd.in mcaf.ee me-qr.com me2.do
me2.kr moourl.com mtr.cool n9.cl o-x.fr ouo.io ow.ly po.st ppt.cc pse.is q-r.to qr.ae qrco.de qrs.ly rb.gy rebrand.ly reurl.cc rotf.lol s.id
sh.st shor.by short.gy short.io shorte.st shorturl.asia shorturl.at shorturl.gg shrinkme.io shrtco.de smarturl.it snip.ly snipurl.com snurl.com
soo.gd spoo.me su.pr surl.li switchy.io t.co t.ly t1p.de t2m.io tiny.cc tiny.one tiny.pl tinylink.net tinyurl.com tny.im to.ly tr.ee tr.im
trib.al twurl.nl u.nu u.to ulvis.net url.ie url.kr urlr.me urlz.fr v.gd v.ht vk.cc vo.la vzturl.com wa.link wp.me x.co x.gd xurl.es zpr.io
zws.im zzb.bz`
  .trim()
  .split(/\s+/)

/** A test of hosts: they themselves and what is below them. */
export function shortenerTest(more: readonly string[]): (host: string) => boolean {
  return domainTest([...KNOWN, ...more])
}
