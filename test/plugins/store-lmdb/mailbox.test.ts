import { mailboxContract } from '../../contracts/mailbox.js'
import { lmdbStore } from './backend.js'

mailboxContract(lmdbStore)
