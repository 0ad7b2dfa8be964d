import { mailContract } from '../../contracts/mail.js'
import { lmdbStore } from './backend.js'

mailContract(lmdbStore)
