/** Hashes that other programs have made, so that nobody marks their own work: doveadm, crypt(3), openssl and libargon2. */
const CH = 'correct horse'
const UML = 'ü€'.repeat(12)
const LONG = 'x'.repeat(100)

export const MADE_ELSEWHERE: readonly (readonly [password: string, hash: string])[] = [
  // by doveadm pw, crypt(3) and openssl passwd
  [CH, '{MD5-CRYPT}$1$mnl7.PGh$ef.xXltfsbnysPmCCatn.0'],
  [CH, '{SHA256-CRYPT}$5$FFpr8vkFUvOT1E7E$PimuA.9zzkk4D28mn8qdeqQXR.sTM00qgPYV6PvEZf3'],
  [
    CH,
    '{SHA512-CRYPT}$6$wsS9ULRGLw/sTTcl$sZpvsr5JTM.4NVoN4Ty6Z1EbeZnnDQ.6TIIJtSzrlVhfYUZtfPSulKSZF1tohLhsW7NBheT7KGuclA8doqNwp1',
  ],
  [CH, '{PLAIN-MD5}3cb4e732631f47e6eb961f34554b7cde'],
  [CH, '{LDAP-MD5}PLTnMmMfR+brlh80VUt83g=='],
  [CH, '{SMD5}EeDw2Mf2fHY9M7fRMmFr0gry+eg='],
  [CH, '{SHA}L55TUjtiq8FBorTWAZ0jy6g129A='],
  [CH, '{SHA256}QQTTb42iwlQ0n4WDZ5Pr4CngyVcGOjTJHC6SAxh7VjE='],
  [CH, '{SHA512}VraY3v7bWkNbY0r+MyC7rz/c2SC2xQOkRvx7endrKY1HnRumqLYXgI6wv1ec6aldZoNHvKtxSQhayTyyeZUZew=='],
  [CH, '{SSHA}ASKqKNA6MzY35RG4rp3FGXN4I8LU3ew9'],
  [CH, '{SSHA256}I2LMQkdvrKGoGA9dYWPmonP9RTRFBl2MBLMjDH3sc+f2VpLG'],
  [CH, '{SSHA512}eYm3aM6CSxFPITpV7gDNhnxWv24RwnCRMsZqc3JPq2PFvHjYILSfJdWtQAj5DubAq8LmYYxU4Pn5MVPS873qNDoGVMk='],
  [CH, '{SSHA256.HEX}85aeaff976093e8987ab31a6f8e74d5c7a1674987cac3df5b82802e825fbe7361240bc42'],
  [CH, '{SHA512.B64}VraY3v7bWkNbY0r+MyC7rz/c2SC2xQOkRvx7endrKY1HnRumqLYXgI6wv1ec6aldZoNHvKtxSQhayTyyeZUZew=='],
  [CH, '{PBKDF2}$1$1ykCGF1SKcS5niRi$5000$e48b2df05a55d897f85edf46467384018a9d5ca2'],
  [CH, '{SCRAM-SHA-1}4096,7DkvM5E528yD1QkGfet/2Q==,xOQkgibD5e9ya/HkFuABHsaaGaw=,M8BxfkH+1NUMuJ57lFpOA1CJMwU='],
  [
    CH,
    '{SCRAM-SHA-256}4096,4c27eIp7BbX2XVqEmmbOXw==,7XfmoKqG0OqKc1JAvztgI2KRC0NpCwWjlllZrPpiDmU=,AOSHWAokcraWdY9qSuP0/bFXViYQf3iAFd8McdzMF+E=',
  ],
  [CH, '{BLF-CRYPT}$2y$04$ENtcFzYsoLQWLs2QacS3g..dL/dOOm79Z3k5k/Zl31jHIRC21OzlG'],
  [
    CH,
    '{CRYPT}$6$rounds=1234$BEJ96qwrfixZBImE$PuZOAN2V1gHxPl0JUO1MlNrKvKAo5QQjOKXYkKcOk.NAEl.j09qL3lzHoR5C7vy/cNsEzyUfnHOEODPSwzeDA0',
  ],
  [CH, '{CRYPT}$5$rounds=1000$salt$qOfjCda6YN/JiGzcA4MkoJaIXdhJzf.qd.KJPQZ7TA/'],
  [CH, '{CRYPT}$apr1$wHkTrNIs$Ru7XMZjAM8ZPW9sXjA8Z8.'],
  [UML, '{MD5-CRYPT}$1$axC5Xvar$UaISoCLWPhkmLP3x7lEHj/'],
  [UML, '{SHA256-CRYPT}$5$3cZV6bdUAEcZVOIS$SijZoejlqghpjbHJtXwnvPfqNlQDFCx9q5N.N5gVHD4'],
  [
    UML,
    '{SHA512-CRYPT}$6$0L8cSNcU3inO3ND/$/sdP53fpe4iUjHNSAyCumBxr9sjid.QUp4jmhAlHyNUfknjUjioZmS7car4cZlwHBUxhqTstejCJvXExSNp1Z1',
  ],
  [UML, '{PLAIN-MD5}e5d03dbde6a2c82c6bbe6f80db28fdf6'],
  [UML, '{SMD5}Qne8xj+6xEJ8JOZNoojdX5YUdUw='],
  [UML, '{SSHA256}3Oualbr5/afIFN1tcwt5QD3jPww2XHDRTpGzE5vNVWEKahIf'],
  [UML, '{PBKDF2}$1$8UfgIiZnVM2i5p80$5000$826c417f3e8a8940af1d54453b5c159dd429547b'],
  [UML, '{SCRAM-SHA-1}4096,kxQl40EKBTJ0VKMrNfVNEQ==,hTolQx7xAQPYg4XSBAWLRV8Dyxg=,5SR6IR9z99IWLl/nXkCve+5223c='],
  [
    UML,
    '{SCRAM-SHA-256}4096,0jRKAGvq3GzNNB5A3Kz0vQ==,3cYHgi5wXQvkA8NLib23zHbcJXVaycLWPGFiSbcI5Zc=,rJ281k+TAIV80MIPGX63nWrgNwVrCo67ZgmbpT8+7bc=',
  ],
  [UML, '{BLF-CRYPT}$2y$04$3OzSmbzNU314h9NhmGeKhewUzWIr32/ISHSIqaJr3h3Sj8jRGGkP.'],
  [
    UML,
    '{CRYPT}$6$rounds=1234$S4SX/E5UEiMrA.O8$Bg.ODlKViW8cIvEEDo8/M4inLOjeGPg5ajgclagsUdgEuO4i8j4wTt9/S85eWv2SFjyhy/qNLmdTkBrq4c85S/',
  ],
  [UML, '{CRYPT}$5$rounds=1000$salt$px2wBLtCkGeJiwbRmW9FXhWMl7W/saS./VEQnTvn6J3'],
  [UML, '{CRYPT}$apr1$2Lscgh4g$OdfdUNEW3BTkfz.ZXI0H90'],
  [LONG, '{MD5-CRYPT}$1$Rt16zgFo$JNwBGxAcADDE5x/MGNjhb/'],
  [LONG, '{SHA256-CRYPT}$5$NNHeajWnIIqA8mFk$hFTYRS.JZEJYMtz5ZPZena48htwCWsV9r6tUzdUr9f3'],
  [
    LONG,
    '{SHA512-CRYPT}$6$pkt9XnI65N1DWwwp$x.avtSlTZQKqtjG4scyUWbfTFL/JjZcOMiKHcdjq2/25efF4Q3SY88nY4EjXZAjBhVLFORwXG4DNNDIHA.uyH/',
  ],
  [LONG, '{PLAIN-MD5}aed563ecafb4bcc5654c597a421547b2'],
  [LONG, '{SMD5}3EWWQ/J7uoQiu173+zHpVisrvZs='],
  [LONG, '{SSHA256}RyXIJ0oFhPme2vjbzt2jU6TKV1z3ATLzRMPacQFx+Sb+oaxA'],
  [LONG, '{PBKDF2}$1$/xnRVylus6eoI5Ct$5000$1b84652463c8521e68ed63c65a2a719dd890e781'],
  [LONG, '{SCRAM-SHA-1}4096,IiSiByHjzjnxgmqp6grDyA==,d4cx5bCnud2GLHbFvfWpU1t2noY=,rqn3w0WQLmSDoZsD0TYxU/oE3/k='],
  [
    LONG,
    '{SCRAM-SHA-256}4096,puq0vq3nN1UXAjIjZQclvA==,q8PXro9wEYvcl+xTA5XjPpbhuUQqcY/1PJBySDgEswM=,7VnfOvlwNLC/jsu89SeXlxg8lANlYv2oOJ7Jfr5iezg=',
  ],
  [LONG, '{BLF-CRYPT}$2y$04$mM8pLbQY2aj4GvmS1H3ySuNTSkFDmWyM/kYSaw8HadNV5DK5qmHia'],
  [
    LONG,
    '{CRYPT}$6$rounds=1234$y5xo/NFw3ZmjIRR1$B.8XqL.1q6Z8AgGJFaeQWd2Dwvzp/zmm/Mf2fE47Hr5P1F5cMjYM1uHB6IqQ/G37x2mYX1HxEWNM6zUnw0j.o/',
  ],
  [LONG, '{CRYPT}$5$rounds=1000$salt$SUJ7cglTaVsBOODEGVdB8V2HLO3Xox9TxJEagIM/541'],
  [LONG, '{CRYPT}$apr1$8sQMcM5w$3iuQVsCPe87KL6boIsvHW/'],
  [CH, '$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$uL2hQzJmxaz0Tfm2KK6uNjA0+UvbrHBEBwVmJYrNXCE'],
  [CH, '$argon2i$v=19$m=64,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$rB84JT5z5pR7npjABPWWPmhej9GHFq2J2QtVNJPtUE0'],
  [UML, '$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$Zohhf/epAbwiUVz2KH+FjlW6vEjolYHhF541tgqtOjA'],
  [UML, '$argon2i$v=19$m=64,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$G2bXKnSQwijev1265kZb9ywylMNQeSAptqUma22D5DM'],
]
