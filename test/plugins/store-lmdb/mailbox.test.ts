import { bringingContract } from '../../contracts/bringing.js'
import { changesContract } from '../../contracts/changes.js'
import { mailboxContract } from '../../contracts/mailbox.js'
import { lmdbStore } from './backend.js'

mailboxContract(lmdbStore)
changesContract(lmdbStore)
bringingContract(lmdbStore)
